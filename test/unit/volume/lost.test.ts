// What is lost is named to the byte, wherever in a file it lies, also after a way through JSON.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { asSegmentNumber } from '../../../src/base/ids.js';
import { showLost } from '../../../src/cli/lost.js';
import { Output } from '../../../src/cli/output.js';
import type { LostRange } from '../../../src/volume/contract.js';
import { lostRanges } from '../../../src/volume/lost.js';
import { exactMax, largest } from '../../support/wide.js';
import { freshSkeleton, Hand, scratch } from '../skeleton/fixture.js';

const folder = scratch();
after(() => folder.remove());

class Lines extends Output {
  readonly lines: string[] = [];

  override line(text: string): void {
    this.lines.push(text);
  }
}

test('lost ranges at both ends of the largest file and over the end of exact numbers are named exactly', () => {
  const skeleton = freshSkeleton(`${folder.dir}/skeleton.db`);
  const hand = new Hand(skeleton);
  hand.disks();
  hand.open(1);
  const file = hand.create('file');
  hand.write(file, largest - 4n, 4, 1, 0);
  hand.write(file, Number(exactMax) - 1, 6, 1, 4);
  hand.write(file, 0, 10, 1, 10);
  const lost = JSON.parse(JSON.stringify(lostRanges(skeleton, asSegmentNumber(1)))) as readonly LostRange[]; // plain data
  assert.deepEqual(
    lost.map(({ offset, length }) => [offset, length]),
    [
      [0, 10],
      [9_007_199_254_740_990, 6],
      ['9223372036854775803', 4],
    ],
  );
  const output = new Lines(false);
  showLost(lost, output);
  assert.deepEqual(output.lines.slice(1), ['  /file  bytes 0 to 9', '  /file  bytes 9007199254740990 to 9007199254740995', '  /file  bytes 9223372036854775803 to 9223372036854775806']);
  skeleton.close();
});

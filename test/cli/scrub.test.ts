// holdfast scrub through the command line, mounted and not: what it prints, what it exits with, and what status says of it afterwards.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dataOffset } from '../../src/format/shard.js';
import type { ScrubReport } from '../../src/volume/scrub-report.js';
import { mountObstacle, VolumeProcess } from '../support/volume-process.js';

describe('holdfast scrub', { skip: mountObstacle ?? false }, () => {
  const volume = new VolumeProcess();
  const { name } = volume;

  before(async () => {
    await volume.init({}, '--parity', '1', '--tolerance', '1');
    await volume.mount();
    writeFileSync(volume.at('a file'), Buffer.alloc(3_000_000, 'some bytes'));
    await volume.umount();
  });
  after(() => volume.end());

  /** Shard files, those of one disk after those of another. */
  function shards(): readonly string[] {
    return volume.disks.flatMap((disk) =>
      (readdirSync(join(disk, 'shards'), { recursive: true }) as string[]).map((path) => join(disk, 'shards', path)).filter((path) => statSync(path).isFile()),
    );
  }

  /** In the second cell of a shard. */
  function flip(path: string): void {
    const bytes = readFileSync(path);
    const at = dataOffset(1_003_520) + 4_096 + 7;
    bytes[at] = (bytes[at] ?? 0) ^ 4;
    writeFileSync(path, bytes);
  }

  async function json(code: number): Promise<ScrubReport> {
    const outcome = await volume.run('scrub', name, '--json');
    assert.equal(outcome.code, code, outcome.stdout + outcome.stderr);
    return JSON.parse(outcome.stdout) as ScrubReport; // our own command's answer
  }

  test('not mounted: nothing is found, then damage is found and healed, then nothing again', async () => {
    assert.equal(shards().length, 4);
    assert.match(await volume.succeed('scrub', name), /^1 segments, 4 shards, .* verified in .*\nnothing was found/);
    const [first = ''] = shards();
    flip(first);
    const report = await json(0);
    assert.deepEqual([report.found, report.healed, report.healedFrom, report.lost], [1, 1, { parity: 1 }, []]);
    const [finding] = report.findings;
    assert.equal(`${finding?.disk}/${finding?.file}`, first);
    assert.match(await volume.succeed('scrub', name), /nothing was found/);
    assert.match(await volume.succeed('status', name), /last scrub {2}20.*: nothing found/);
  });

  test('mounted: through the daemon, in the status and in the metrics; what no source has is named with exit code 1', async () => {
    await volume.mount();
    const [first = '', second = ''] = shards();
    flip(first);
    const healed = await volume.succeed('scrub', name);
    assert.match(healed, /HEALED FROM/);
    assert.match(healed, /1 of its 245 cells do not match +parity\n1 found, 1 healed/);
    flip(first);
    flip(second);
    const { code, stdout } = await volume.run('scrub', name);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /NOT HEALED/);
    assert.match(stdout, /LOST: \d+ ranges of 1 files have no source left:\n {2}\/a file {2}bytes \d+ to \d+/);
    const status = await volume.run('status', name);
    assert.equal(status.code, 3);
    assert.match(status.stdout, /a scrub found \d+ range/);
    assert.match(status.stdout, /last scrub {2}.*2 found, 0 healed, \d+ ranges LOST/);
    const { text } = (await volume.ask('metrics')) as { text: string };
    assert.match(text, /holdfast_scrub_last_found\{volume=".*"\} 2\n/);
    assert.match(text, /holdfast_scrub_last_lost_bytes\{volume=".*"\} [1-9]/);
    flip(first);
    flip(second);
    assert.equal((await json(0)).found, 0);
    assert.equal((await volume.run('status', name)).code, 0);
  });

  test('one that runs already is told to come again', async () => {
    const both = await Promise.all([volume.ask('scrub'), volume.ask('scrub').catch((error: unknown) => error)]);
    assert.equal(both.filter((answer) => answer instanceof Error && 'code' in answer && answer.code === 'scrub-busy').length, 1);
    await volume.umount();
  });
});

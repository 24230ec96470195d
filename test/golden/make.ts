// Makes the next golden image: `node dist/test/golden/make.js`, by hand, after a format was given a new version. See docs/format/README.md.
import { ByteWriter } from '../../src/format/bytes.js';
import { encodeRecord } from '../../src/format/record-codec.js';
import type { JournalRecord } from '../../src/format/records.js';
import { Model } from '../simulation/model.js';
import { type Fixture, fixtureSets, writeFixture } from './fixture.js';
import { sampleRecords } from './samples.js';
import { Stand } from './stand.js';
import { liveStory } from './story.js';

const seed = 20_261_120;

async function make(): Promise<void> {
  const shape: Fixture['shape'] = { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true };
  const stand = new Stand(seed, shape);
  try {
    const { tree, treeAtRoot } = await liveStory(stand, new Model());
    const records: Record<string, string> = {};
    for (const record of Object.values<JournalRecord>(sampleRecords)) {
      const writer = new ByteWriter(256);
      encodeRecord(writer, record);
      records[record.type] = writer.bytes().toString('hex');
    }
    const set = Number(process.argv[2] ?? (fixtureSets().at(-1) ?? 0) + 1);
    const bytes = writeFixture({ set, seed, shape, disks: await stand.filesOfDisks(), backup: await stand.filesOfBackup(), tree, treeAtRoot, records });
    console.log(`set ${set}: ${bytes} bytes, ${tree.length} names`);
  } finally {
    stand.world.remove();
  }
}

await make();

// Drill 5, the mounted half: kill -9 of the daemon at random moments under a mixed load. After each remount everything fsynced is
// there, and what is there is a prefix of the history: of each writer's, exactly, and of all of them together by the clock.
// Kills also fall into flushes, orderly ends and recoveries. HOLDFAST_DRILL_KILLS sets how many (CI: 100); HOLDFAST_DRILL_SEED replays the load.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { SeededRandom } from '../../../src/base/random.js';
import { ofCopies, assertSameTree, treeOf } from '../../support/tree.js';
import { eventually, mountObstacle, VolumeProcess } from '../../support/volume-process.js';
import type { WriterKind } from './kill-history.js';
import type { Stopped, Verified, WriterOrder, WriterReply } from './kill-writer.js';

const seed = Number(process.env['HOLDFAST_DRILL_SEED'] ?? Date.now() % 1_000_000_007);
const kills = Number(process.env['HOLDFAST_DRILL_KILLS'] ?? (process.env['HOLDFAST_DRILL_FULL'] === '1' ? 100 : 10));
const kinds: readonly WriterKind[] = ['mixed', 'mixed', 'bulk'];
/** The kernel's words for a daemon that is gone. */
const endOfLife = /^(ENOTCONN|ECONNABORTED) /;
/** After an orderly end the folder beneath the mount point is seen, which is empty. */
const endOfOrderlyLife = /^(ENOTCONN|ECONNABORTED|ENOENT) /;

class Writer {
  readonly #process: ChildProcess;
  readonly #replies: WriterReply[] = [];

  constructor(folder: string, number: number, kind: WriterKind) {
    this.#process = fork(join(import.meta.dirname, 'kill-writer.js'), [folder, String(seed + number), kind]);
    this.#process.on('message', (message) => this.#replies.push(message as WriterReply)); // our own writer is the only sender
  }

  tell(order: WriterOrder): void {
    this.#process.send(order);
  }

  /** A writer that hangs in a call to a dead mount would be found here. */
  async reply<Type extends WriterReply['type']>(type: Type): Promise<Extract<WriterReply, { readonly type: Type }>> {
    await eventually(async () => this.#replies.length > 0 || this.#process.exitCode !== null, `a writer says ${type}`, 5);
    const reply = this.#replies.shift();
    assert.ok(reply !== undefined, `a writer ended with ${this.#process.exitCode}`);
    assert.equal(reply.type, type);
    return reply as Extract<WriterReply, { readonly type: Type }>; // by the line above
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

describe(`kill -9 of the daemon, ${kills} times, seed ${seed}`, { skip: mountObstacle ?? false }, () => {
  const random = new SeededRandom(seed);
  let orderly = false;
  const volume = new VolumeProcess();
  let survivedLives = 0;
  let writers: readonly Writer[] = [];
  const totals = { operations: 0, fsyncs: 0, lost: 0, flushes: 0, inRecovery: 0, inStop: 0 };

  before(async () => {
    await volume.init();
    await volume.mount();
    writers = kinds.map((kind, number) => new Writer(volume.at(`w${number}`), number, kind));
    for (const writer of writers) writer.tell({ type: 'make' });
    for (const writer of writers) await writer.reply('made');
  });
  after(async () => {
    for (const writer of writers) writer.end();
    await volume.end();
  });

  async function all<Type extends WriterReply['type']>(type: Type): Promise<readonly Extract<WriterReply, { readonly type: Type }>[]> {
    return Promise.all(writers.map((writer) => writer.reply(type)));
  }

  /** Load, and the end of the daemon somewhere in it. */
  async function liveAndDie(life: number): Promise<readonly Stopped[]> {
    orderly = false;
    for (const writer of writers) writer.tell({ type: 'run', life });
    await all('running');
    await delay(random.below(1000));
    const chance = random.below(10);
    if (chance < 4) {
      totals.flushes++;
      // Dies in the middle or is done: both are right.
      volume.ask('flush').catch(() => {});
      await delay(random.below(300));
    } else if (chance === 4) {
      totals.inStop++;
      orderly = true;
      process.kill(volume.daemonPid, 'SIGTERM');
      await delay(random.below(150));
    }
    // An orderly end that was faster is no kill, but the same must hold.
    await volume.signal('SIGKILL').catch(() => volume.ended());
    return all('stopped');
  }

  /** Half of the time the recovery is killed as well. */
  async function mountAgain(): Promise<void> {
    if (random.below(2) === 0) {
      const daemon = volume.launch();
      await delay(random.below(900));
      totals.inRecovery++;
      if (daemon.exitCode === null) await volume.signal('SIGKILL');
    }
    await volume.mount();
  }

  async function verify(stopped: readonly Stopped[]): Promise<void> {
    for (const writer of writers) writer.tell({ type: 'verify' });
    const verified = await all('verified');
    for (const [number, { problem }] of verified.entries()) if (problem !== null) assert.fail(`writer ${number}: ${problem}\n${volume.log.split('\n').slice(-20).join('\n')}`);
    assertOneHistory(verified);
    stopped.forEach(({ answered, fsyncs }, number) => {
      totals.operations += answered;
      totals.fsyncs += fsyncs;
      totals.lost += Math.max(0, answered - (verified[number]?.survived ?? 0));
    });
  }

  for (let life = 1; life <= kills; life++) {
    test(`life ${life}`, async () => {
      assert.equal(survivedLives, life - 1, 'an earlier life left a tree that is wrong');
      const stopped = await liveAndDie(life);
      for (const { code } of stopped) assert.match(code, orderly ? endOfOrderlyLife : endOfLife);
      await mountAgain();
      await verify(stopped);
      assert.equal((await volume.status()).state, 'serving');
      survivedLives = life;
    });
  }

  test('in the end nothing is found, the backup is complete, and a restore from it is the same tree', async (context) => {
    assert.equal(survivedLives, kills);
    context.diagnostic(`seed ${seed}: ${JSON.stringify(totals)}`);
    // That there was load at all; how much depends on what else the machine does.
    assert.ok(totals.operations > 10 * kills && totals.fsyncs > kills, JSON.stringify(totals));
    assert.match(await volume.findings(), /no findings/);
    await volume.flush();
    const tree = treeOf(volume.mountPoint);
    await volume.umount();
    assert.match(await volume.findings(), /no findings/);
    const disks = [1, 2, 3, 4].map((number) => volume.path(`new${number}`));
    for (const path of [...disks, volume.path('mnt2')]) mkdirSync(path);
    await volume.succeed('restore', 'again', '--from', volume.backupUrl, '--disk', ...disks, '--allow-shared-device');
    await volume.succeed('mount', 'again', volume.path('mnt2'));
    try {
      assertSameTree(tree, treeOf(volume.path('mnt2')), ofCopies);
    } finally {
      await volume.succeed('umount', 'again');
    }
  });
});

/** What ended before something that is there began must be there too, whoever did it. */
function assertOneHistory(verified: readonly Verified[]): void {
  verified.forEach(({ firstLostEnded }, loser) => {
    verified.forEach(({ lastSurvivedBegan }, keeper) => {
      if (firstLostEnded === null || lastSurvivedBegan === null) return;
      assert.ok(firstLostEnded >= lastSurvivedBegan, `writer ${loser} lost an operation that had ended ${lastSurvivedBegan - firstLostEnded} us before one of writer ${keeper} began that is there`);
    });
  });
}

// The native channel against a socket in the place of /dev/fuse: slots, turns, endings, and memory that comes back.
import assert from 'node:assert/strict';
import { closeSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Channel, requestSlotBytes, socketPair } from '../../../src/native/channel.js';

interface Peer {
  readonly channel: Channel;
  /** The kernel's end. */
  readonly kernel: number;
  readonly requests: { readonly slot: number; readonly text: string; readonly offset: number }[];
  readonly ends: number[];
}

/** Closed when the test ends: an open channel keeps the process alive, as a mount should. */
function connect(t: TestContext, slotCount: number, keep: (slot: number) => boolean = () => false): Peer {
  const [device, kernel] = socketPair();
  const requests: Peer['requests'] = [];
  const ends: number[] = [];
  const channel: Channel = new Channel(device, slotCount, {
    request(slot, offset, length) {
      requests.push({ slot, offset, text: channel.requests.toString('latin1', offset, offset + length) });
      return keep(slot);
    },
    ended: (errno) => void ends.push(errno),
  });
  t.after(() => channel.close());
  return { channel, kernel, requests, ends };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < 100_000, 'it never came');
    await turn();
  }
}

function received(kernel: number): string {
  const buffer = Buffer.alloc(100_000);
  return buffer.toString('latin1', 0, readSync(kernel, buffer));
}

test('requests come with their length, WRITE payloads page-aligned, and answers leave in one piece', async (t) => {
  const { channel, kernel, requests, ends } = connect(t, 2);
  writeSync(kernel, 'one');
  writeSync(kernel, 'second');
  await until(() => requests.length === 2);
  assert.deepEqual(
    requests.map((request) => request.text),
    ['one', 'second'],
  );
  for (const { offset, slot } of requests) {
    assert.equal((offset + 80) % 4096, 0);
    assert.equal(Math.floor(offset / requestSlotBytes), slot);
  }
  channel.replyArea.write('head');
  assert.equal(channel.reply(4), 0);
  assert.equal(channel.reply(4, Buffer.from('-body')), 0);
  assert.equal(channel.reply(2, [Buffer.from('1'), Buffer.alloc(0), Buffer.from('23')]), 0);
  assert.deepEqual([received(kernel), received(kernel), received(kernel)], ['head', 'head-body', 'he123']);
  closeSync(kernel);
  await until(() => ends.length > 0);
  assert.deepEqual(ends, [constants.errno.ENODEV]);
  assert.equal(channel.open, false);
  assert.equal(channel.reply(4), constants.errno.ENODEV);
});

test('no more is read than there are slots, and a slot that is given back goes on', async (t) => {
  const { channel, kernel, requests } = connect(t, 2, () => true);
  for (const text of ['a', 'b', 'c', 'd']) writeSync(kernel, text);
  await until(() => requests.length === 2);
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(requests.length, 2);
  assert.throws(() => channel.release(7), /not taken/);
  channel.release(requests[0]?.slot ?? 0);
  assert.throws(() => channel.release(requests[0]?.slot ?? 0), /not taken/);
  await until(() => requests.length === 3);
  assert.equal(requests[2]?.slot, requests[0]?.slot);
  channel.close();
  closeSync(kernel);
});

test('one turn of the loop takes a bounded number of requests', async (t) => {
  let perTurn = 0;
  let most = 0;
  let seen = 0;
  const total = 700;
  const [device, kernel] = socketPair();
  const channel = new Channel(device, 1, {
    request() {
      seen++;
      // The microtask queue runs when the turn is over.
      if (perTurn++ === 0)
        queueMicrotask(() => {
          most = Math.max(most, perTurn);
          perTurn = 0;
        });
      if (seen < total) writeSync(kernel, 'again');
      return false;
    },
    ended: () => {},
  });
  t.after(() => channel.close());
  writeSync(kernel, 'first');
  await until(() => seen === total);
  assert.equal(most, 256);
  closeSync(kernel);
});

test('closing is idempotent and silent, also from within a request', async (t) => {
  const [device, kernel] = socketPair();
  let seen = 0;
  const ends: number[] = [];
  const channel: Channel = new Channel(device, 2, {
    request() {
      seen++;
      channel.close();
      channel.close();
      return true;
    },
    ended: (errno) => void ends.push(errno),
  });
  t.after(() => channel.close());
  writeSync(kernel, 'x');
  await until(() => seen === 1);
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(ends, []);
  channel.release(0);
  closeSync(kernel);
});

test('a notification is sent as it is, and to nobody after the end', async (t) => {
  const { channel, kernel } = connect(t, 1);
  assert.equal(await channel.notify(Buffer.from('note')), 0);
  assert.equal(received(kernel), 'note');
  channel.close();
  assert.equal(await channel.notify(Buffer.from('note')), constants.errno.ENODEV);
  closeSync(kernel);
});

test('many channels come and go without keeping their memory', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 40; i++) {
    const { channel, kernel } = connect(t, 16);
    channel.close();
    closeSync(kernel);
    await turn();
  }
  // External memory pushes the collector; 40 x 17 MiB would stand here otherwise.
  await until(() => process.memoryUsage().arrayBuffers - before < 300 * 1024 * 1024);
});

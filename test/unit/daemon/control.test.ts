// The control socket: mode, versions, errors that keep their kind, progress, long listings, and an orderly end.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { HoldfastError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { ControlClient } from '../../../src/daemon/control-client.js';
import { controlVersion, LineSplitter } from '../../../src/daemon/control-protocol.js';
import { type ControlMethod, ControlServer } from '../../../src/daemon/control-server.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-control-'));
after(() => rmSync(folder, { recursive: true }));
let sockets = 0;

async function serve(methods: Readonly<Record<string, ControlMethod>>): Promise<{ server: ControlServer; path: string; client: ControlClient }> {
  const path = join(folder, `${++sockets}.sock`);
  const server = await ControlServer.listen(path, new Map(Object.entries(methods)), silentLogger);
  const client = await ControlClient.connect(path);
  assert.ok(client !== null);
  return { server, path, client };
}

/** Sends raw text and gives the lines that come back until the connection ends or has been quiet. */
function raw(path: string, text: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.end(text));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      answer += data;
      if (answer.endsWith('\n')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer.split('\n').filter((line) => line !== '')));
  });
}

test('only the owner may connect', async () => {
  const { server, path, client } = await serve({});
  assert.equal(statSync(path).mode & 0o777, 0o600);
  client.close();
  await server.close();
});

test('a call gives its result, its progress and its items, calls run side by side', async () => {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { server, client } = await serve({
    slow: async (call) => {
      call.progress('step', 1, 2);
      await gate;
      await call.items([{ a: 1 }, { a: 2 }]);
      return { done: call.params['word'] };
    },
    quick: () => 'at once',
  });
  const seen: unknown[] = [];
  const slow = client.call('slow', { word: 'x' }, { progress: (...progress) => seen.push(progress), items: (items) => seen.push(...items) });
  assert.equal(await client.call('quick'), 'at once');
  open();
  assert.deepEqual(await slow, { done: 'x' });
  assert.deepEqual(seen, [['step', 1, 2], { a: 1 }, { a: 2 }]);
  client.close();
  await server.close();
});

test('an error keeps kind, code, message, hint and context on its way', async () => {
  const sent = new HoldfastError('conflict', 'a flush is running', { code: 'flush-busy', hint: 'wait', context: { pid: 7 } });
  const { server, client } = await serve({
    fail: () => {
      throw sent;
    },
    bug: () => {
      throw new TypeError('oops');
    },
  });
  await assert.rejects(client.call('fail'), (error: HoldfastError) => {
    assert.deepEqual([error.kind, error.code, error.message, error.hint, error.context], ['conflict', 'flush-busy', 'a flush is running', 'wait', { pid: 7 }]);
    return true;
  });
  await assert.rejects(client.call('bug'), { kind: 'internal', message: 'TypeError: oops' });
  await assert.rejects(client.call('nothing'), { code: 'control-method', hint: 'it has: fail, bug' });
  client.close();
  await server.close();
});

test('another version, garbage and endless lines are answered with an error, and the server lives on', async () => {
  const { server, path, client } = await serve({ ping: () => 'pong' });
  assert.match((await raw(path, '{"version":2,"id":1,"method":"ping"}\n'))[0] ?? '', /"code":"control-version"/);
  assert.match((await raw(path, 'hello\n'))[0] ?? '', /"code":"control-message"/);
  assert.match((await raw(path, '[1]\n'))[0] ?? '', /"code":"control-message"/);
  assert.match((await raw(path, `{"version":${controlVersion},"id":"x","method":"ping"}\n`))[0] ?? '', /"code":"control-message"/);
  assert.match((await raw(path, 'x'.repeat(5 * 1024 * 1024)))[0] ?? '', /"code":"control-line-too-long"/);
  assert.equal(await client.call('ping'), 'pong');
  client.close();
  await server.close();
});

test('closing answers what is under way, and takes the socket file away at once', async () => {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrived: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { server, path, client } = await serve({
    slow: async () => {
      arrived();
      await gate;
      return 'answered';
    },
  });
  const slow = client.call('slow');
  await begun;
  server.stopListening();
  assert.equal(await ControlClient.connect(path), null);
  const closing = server.close();
  open();
  assert.equal(await slow, 'answered');
  await closing;
  await assert.rejects(client.call('slow'), { code: 'control-closed' });
});

test('no socket, and one that nobody listens on, mean that nothing is mounted', async () => {
  assert.equal(await ControlClient.connect(join(folder, 'none.sock')), null);
});

test('lines are put together from whatever pieces arrive', () => {
  const lines = new LineSplitter();
  assert.deepEqual(lines.push('ab'), []);
  assert.deepEqual(lines.push('c\n\nde\nf'), ['abc', 'de']);
  assert.deepEqual(lines.push('\n'), ['f']);
});

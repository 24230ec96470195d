// One answer a request: at once, later, after an interrupt, and whatever the file system throws.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { HoldfastError } from '../../../src/base/errors.js';
import { asIno } from '../../../src/base/ids.js';
import { PosixError } from '../../../src/filesystem/contract.js';
import { Opcode } from '../../../src/fuse/protocol.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';
import { bench, errno, Gate, request } from './fake-port.js';

const caller = { uid: 0, gid: 0, pid: 1 };
const file = asIno(2);

function withFile(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.mknod(caller, asIno(1), Buffer.from('file'), 0o100644, 0);
  return fileSystem;
}

function writeRequest(unique: number, offset: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(40);
  fixed.writeBigUInt64LE(BigInt(offset), 8);
  fixed.writeUInt32LE(data.length, 16);
  return request({ opcode: Opcode.write, node: file, unique, body: Buffer.concat([fixed, data]) });
}

function readRequest(unique: number): Buffer {
  const body = Buffer.alloc(40);
  body.writeUInt32LE(4096, 16);
  return request({ opcode: Opcode.read, node: file, unique, body });
}

function interruptOf(unique: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(BigInt(unique));
  return request({ opcode: Opcode.interrupt, unique: unique + 1, body });
}

function contentOf(fileSystem: MemoryFileSystem): string {
  return (fileSystem.read(file, 7, 0, 100) as Buffer).toString();
}

test('a change waits for admission with its own copy, out of its slot', async () => {
  const fileSystem = withFile();
  const { send, answer, port, dispatcher } = bench(fileSystem);
  const gate = new Gate();
  fileSystem.admission = gate.promise;
  assert.equal(send(writeRequest(2, 0, Buffer.from('first'))), false);
  port.requests.fill(0x7a);
  assert.deepEqual(dispatcher.counters, { requests: 1, pending: 1, parkedBytes: 5 });
  await turn();
  assert.equal(port.answers.length, 0);
  assert.equal(contentOf(fileSystem), '');
  fileSystem.admission = null;
  gate.open();
  await turn();
  assert.deepEqual([answer().errno, contentOf(fileSystem)], [0, 'first']);
  assert.deepEqual(dispatcher.counters, { requests: 1, pending: 0, parkedBytes: 0 });
});

test('reads and lookups go on while changes wait', () => {
  const fileSystem = withFile();
  const { send, answer } = bench(fileSystem);
  fileSystem.admission = new Gate().promise;
  send(writeRequest(2, 0, Buffer.from('waits')));
  send(readRequest(4));
  assert.equal(answer().unique, 4);
  send(request({ opcode: Opcode.lookup, unique: 6, body: Buffer.from('file\0') }));
  assert.equal(answer().unique, 6);
});

test('admission is asked for again after each wait', async () => {
  const fileSystem = withFile();
  const { send, answer, port } = bench(fileSystem);
  const gates = [new Gate(), new Gate()];
  fileSystem.admission = gates[0]?.promise ?? null;
  send(writeRequest(2, 0, Buffer.from('x')));
  fileSystem.admission = gates[1]?.promise ?? null;
  gates[0]?.open();
  await turn();
  assert.equal(port.answers.length, 0);
  fileSystem.admission = null;
  gates[1]?.open();
  await turn();
  assert.equal(answer().errno, 0);
});

test('when the parking is full a write keeps its slot and gives it back when it is done', async () => {
  const fileSystem = withFile();
  const { send, port } = bench(fileSystem, { parkedBytesMax: 8 });
  const gate = new Gate();
  fileSystem.admission = gate.promise;
  assert.equal(send(writeRequest(2, 0, Buffer.from('12345')), 0), false);
  assert.equal(send(writeRequest(4, 5, Buffer.from('67890')), 1), true);
  assert.equal(send(writeRequest(6, 10, Buffer.from('abc')), 2), false);
  assert.equal(send(request({ opcode: Opcode.unlink, unique: 8, body: Buffer.from('file\0') }), 3), false);
  fileSystem.admission = null;
  gate.open();
  await turn();
  assert.deepEqual(port.released, [1]);
  assert.deepEqual(
    port.answers.map((answer) => [answer.unique, answer.errno]),
    [
      [2, 0],
      [4, 0],
      [6, 0],
      [8, 0],
    ],
  );
  assert.equal(contentOf(fileSystem), '1234567890abc');
});

test('a parked change of a dying caller gets EINTR and never happens', async () => {
  const fileSystem = withFile();
  const { send, answer, dying, port, dispatcher } = bench(fileSystem, { parkedBytesMax: 0 });
  const gate = new Gate();
  fileSystem.admission = gate.promise;
  assert.equal(send(writeRequest(2, 0, Buffer.from('never'))), true);
  dying.add(100);
  send(interruptOf(2), 1);
  await turn();
  assert.deepEqual([answer().errno, port.released], [errno.EINTR, [0]]);
  fileSystem.admission = null;
  gate.open();
  await turn();
  assert.equal(port.answers.length, 0);
  assert.equal(contentOf(fileSystem), '');
  assert.equal(dispatcher.counters.pending, 0);
});

test('a caller that survives the signal goes on waiting, and is given up when it is killed later', async () => {
  const fileSystem = withFile();
  const { send, answer, dying, port, clock } = bench(fileSystem, { interruptPollMs: 500 });
  fileSystem.admission = new Gate().promise;
  send(writeRequest(2, 0, Buffer.from('x')));
  send(interruptOf(2));
  await turn();
  clock.advance(500);
  await turn();
  assert.equal(port.answers.length, 0);
  dying.add(100);
  clock.advance(500);
  await turn();
  assert.equal(answer().errno, errno.EINTR);
});

test('an interrupted read of a dying caller is answered once, and its late result is dropped', async () => {
  const fileSystem = withFile();
  const { send, answer, dying, port } = bench(fileSystem);
  const gate = new Gate();
  fileSystem.readGate = gate.promise;
  send(readRequest(2));
  dying.add(100);
  send(interruptOf(2));
  await turn();
  assert.equal(answer().errno, errno.EINTR);
  gate.open();
  await turn();
  assert.equal(port.answers.length, 0);
});

test('a lookup that is given up gives its reference back, and an open its handle', async () => {
  const fileSystem = withFile();
  fileSystem.references.clear();
  const gate = new Gate();
  const found = fileSystem.lookup.bind(fileSystem);
  const opened = fileSystem.open.bind(fileSystem);
  fileSystem.lookup = (parent, name) => gate.promise.then(() => found(parent, name));
  fileSystem.open = (ino, flags, killPriv) => gate.promise.then(() => opened(ino, flags, killPriv));
  const { send, dying, port } = bench(fileSystem);
  dying.add(100);
  send(request({ opcode: Opcode.lookup, unique: 2, body: Buffer.from('file\0') }));
  send(request({ opcode: Opcode.open, node: file, unique: 4, body: Buffer.alloc(8) }));
  send(interruptOf(2));
  send(interruptOf(4));
  await turn();
  gate.open();
  await turn();
  assert.deepEqual(
    port.answers.map((answer) => answer.errno),
    [errno.EINTR, errno.EINTR],
  );
  assert.equal(fileSystem.references.size, 0);
  assert.equal(fileSystem.openHandles, 0);
});

test('a change that has begun is not given up', async () => {
  const fileSystem = withFile();
  const gate = new Gate();
  fileSystem.unlink = () => gate.promise;
  const { send, answer, dying, port } = bench(fileSystem);
  dying.add(100);
  send(request({ opcode: Opcode.unlink, unique: 2, body: Buffer.from('file\0') }));
  send(interruptOf(2));
  await turn();
  assert.equal(port.answers.length, 0);
  gate.open();
  await turn();
  assert.equal(answer().errno, 0);
});

test('an interrupt of a request that is answered already is nothing', async () => {
  const { send, port } = bench(withFile());
  send(interruptOf(2));
  await turn();
  assert.equal(port.answers.length, 0);
});

test('a PosixError becomes its errno; our own error EIO; anything else EIO and fatal', async () => {
  const fileSystem = withFile();
  const { send, answer, fatal } = bench(fileSystem);
  const fail = (error: unknown, later: boolean) => {
    fileSystem.getattr = () => {
      if (later) return Promise.reject(error);
      throw error;
    };
    send(request({ opcode: Opcode.getattr, node: file, unique: 2, body: Buffer.alloc(16) }));
  };
  for (const later of [false, true]) {
    fail(new PosixError(errno.ESTALE, 'gone'), later);
    await turn();
    assert.deepEqual([answer().errno, fatal.length], [errno.ESTALE, 0]);
    fail(new HoldfastError('unavailable', 'no disk', { code: 'disk-gone' }), later);
    await turn();
    assert.deepEqual([answer().errno, fatal.length], [errno.EIO, 0]);
    fail(new TypeError('a bug'), later);
    await turn();
    assert.deepEqual([answer().errno, fatal.length], [errno.EIO, 1]);
    fatal.pop();
  }
});

test('admission that throws is answered, at once or after a wait', async () => {
  const fileSystem = withFile();
  const { send, answer, dispatcher } = bench(fileSystem);
  const gate = new Gate();
  fileSystem.admission = gate.promise;
  send(writeRequest(2, 0, Buffer.from('x')));
  gate.fail(new HoldfastError('closed', 'closed', { code: 'volume-closed' }));
  await turn();
  assert.equal(answer().errno, errno.EIO);
  assert.deepEqual(dispatcher.counters, { requests: 1, pending: 0, parkedBytes: 0 });
  fileSystem.admit = () => {
    throw new PosixError(errno.EROFS, 'read-only');
  };
  send(writeRequest(4, 0, Buffer.from('x')));
  assert.equal(answer().errno, errno.EROFS);
});

test('an answer that the kernel refuses is followed by EIO and is fatal; a vanished kernel is neither', () => {
  const { send, answer, port, fatal } = bench(withFile());
  port.failures = [errno.EINVAL];
  send(readRequest(2));
  assert.equal(answer().errno, errno.EIO);
  assert.equal(fatal.length, 1);
  port.failures = [errno.ENODEV];
  send(readRequest(4));
  assert.equal(port.answers.length, 0);
  assert.equal(fatal.length, 1);
});

test('after the end nothing is answered and nothing that was parked begins', async () => {
  const fileSystem = withFile();
  const { send, port, dispatcher } = bench(fileSystem);
  const gate = new Gate();
  fileSystem.admission = gate.promise;
  fileSystem.readGate = gate.promise;
  send(writeRequest(2, 0, Buffer.from('never')));
  send(readRequest(4));
  dispatcher.end();
  fileSystem.admission = null;
  gate.open();
  await turn();
  fileSystem.readGate = null;
  assert.equal(port.answers.length, 0);
  assert.equal(contentOf(fileSystem), '');
});

test('FORGET and BATCH_FORGET are counted and not answered', () => {
  const fileSystem = withFile();
  fileSystem.references.set(file, 3);
  const { send, port } = bench(fileSystem);
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);
  send(request({ opcode: Opcode.forget, node: file, body: one }));
  const batch = Buffer.alloc(8 + 16);
  batch.writeUInt32LE(1, 0);
  batch.writeBigUInt64LE(BigInt(file), 8);
  batch.writeBigUInt64LE(2n, 16);
  send(request({ opcode: Opcode.batchForget, body: batch }));
  assert.equal(fileSystem.references.size, 0);
  assert.equal(port.answers.length, 0);
});

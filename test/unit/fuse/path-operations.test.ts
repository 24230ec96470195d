// The second driver's requests on a file system in memory: each is answered once with all that its answer carries, nothing stays
// held, what waits can be given up, and text that cannot stand for bytes is refused.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { SystemClock } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import { asIno, ROOT_INO } from '../../../src/base/ids.js';
import { fromWords } from '../../../src/base/file-offset.js';
import { bytesOf, statOf, statvfsOf, textOf, timeOf } from '../../../src/fuse/path-encoding.js';
import { PathOperations } from '../../../src/fuse/path-operations.js';
import { type FuseNativeRequest, type FuseNativeRequests, loadFuseNative } from '../../../src/native/fuse-native.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';
import { Gate } from './fake-port.js';

const { EBADF, EILSEQ, EIO, ENOENT, ENOTCONN, EOPNOTSUPP, ERANGE } = constants.errno;
const caller = { uid: 4, gid: 5, pid: 1 };

interface Bench {
  readonly fileSystem: MemoryFileSystem;
  readonly operations: PathOperations;
  readonly bugs: unknown[];
  ask<Name extends FuseNativeRequest>(name: Name, ...request: FuseNativeRequests[Name]): Promise<readonly unknown[]>;
}

function bench(): Bench {
  const fileSystem = new MemoryFileSystem();
  const bugs: unknown[] = [];
  const operations = new PathOperations({ fileSystem, caller, clock: new SystemClock(), logger: silentLogger, onFatal: (error) => bugs.push(error) });
  return {
    fileSystem,
    operations,
    bugs,
    ask: (name, ...request) =>
      new Promise((resolve, reject) => {
        let answers = 0;
        const answer = (...parts: readonly unknown[]): void => {
          if (answers++ > 0) reject(new Error(`${name} was answered twice`));
          resolve(parts);
        };
        operations.handlers[name](answer, ...request);
      }),
  };
}

test('what is made can be found, changed, read and removed, and afterwards nothing is held', async () => {
  const { fileSystem, ask, bugs } = bench();
  assert.deepEqual(await ask('mkdir', '/folder', 0o40755), [0]);
  const [, handle] = await ask('create', '/folder/file', 0o106755);
  assert.equal(await ask('getattr', '/folder/file').then(([, words]) => (words as Uint32Array)[0]), 0o100755, 'never setuid for its owner');
  const data = Buffer.from('content');
  assert.deepEqual(await ask('write', '/folder/file', handle as number, data, 7, 0, 0), [7, 0, data.buffer]);
  const into = Buffer.alloc(100);
  assert.deepEqual(await ask('read', '/folder/file', handle as number, into, 100, 0, 0), [7, 0, into.buffer]);
  assert.equal(into.toString('utf8', 0, 7), 'content');
  assert.deepEqual(await ask('ftruncate', '/folder/file', handle as number, 3, 0), [0]);
  assert.deepEqual(await ask('symlink', '../anywhere', '/folder/link'), [0]);
  assert.deepEqual(await ask('readlink', '/folder/link'), [0, '../anywhere']);
  assert.deepEqual(await ask('link', '/folder/file', '/second'), [0]);
  assert.deepEqual(await ask('rename', '/second', '/folder/third'), [0]);
  assert.deepEqual(await ask('chown', '/folder/third', 7, 0xffffffff), [0]);
  const [, words] = await ask('fgetattr', '', handle as number);
  assert.deepEqual([...(words as Uint32Array)].slice(0, 8), [0o100755, 7, 5, 3, 0, 0, 2, 3]);
  const [, names] = await ask('readdir', '/folder');
  assert.deepEqual(names, ['.', '..', 'file', 'link', 'third']);
  for (const name of ['file', 'link', 'third']) assert.deepEqual(await ask('unlink', `/folder/${name}`), [0]);
  assert.deepEqual(await ask('rmdir', '/folder'), [0]);
  assert.deepEqual(await ask('release', '', handle as number), [0]);
  assert.deepEqual(await ask('read', '', handle as number, into, 1, 0, 0), [-EBADF, 0, into.buffer]);
  assert.equal(fileSystem.references.size, 0);
  assert.equal(fileSystem.openHandles, 0);
  assert.deepEqual(bugs, []);
});

test('a request that fails carries what the native part takes from every answer', async () => {
  const { ask } = bench();
  const buffer = Buffer.alloc(8);
  assert.deepEqual(await ask('getattr', '/none'), [-ENOENT, new Uint32Array(19)]);
  assert.deepEqual(await ask('readdir', '/none'), [-ENOENT, [], []]);
  assert.deepEqual(await ask('readlink', '/none'), [-ENOENT, '']);
  assert.deepEqual(await ask('open', '/none', 0), [-ENOENT, 0]);
  assert.deepEqual(await ask('create', '/none/file', 0), [-ENOENT, 0]);
  assert.deepEqual(await ask('write', '', 99, buffer, 8, 0, 0), [-EBADF, 0, buffer.buffer]);
  assert.deepEqual(await ask('setxattr', '/none', 'user.a', buffer, 0, 0), [-ENOENT, buffer.buffer]);
  assert.deepEqual(await ask('setxattr', '/', 'system.posix_acl_access', buffer, 0, 0), [-EOPNOTSUPP, buffer.buffer]);
  assert.deepEqual(await ask('getxattr', '/none', 'user.a', buffer, 0), [-ENOENT, buffer.buffer]);
  assert.deepEqual(await ask('listxattr', '/none', buffer), [-ENOENT, buffer.buffer]);
});

test('an attribute that does not fit is ERANGE and not cut off; an empty room asks for the size', async () => {
  const { ask } = bench();
  await ask('setxattr', '/', 'user.name', Buffer.from('twelve bytes'), 0, 0);
  const answers = await Promise.all([0, 11, 12, 13].map((bytes) => ask('getxattr', '/', 'user.name', Buffer.alloc(bytes), 0)));
  assert.deepEqual(answers.map(([result]) => result), [12, -ERANGE, 12, 12]);
  const lists = await Promise.all([0, 9, 10].map((bytes) => ask('listxattr', '/', Buffer.alloc(bytes))));
  assert.deepEqual(lists.map(([result]) => result), [10, -ERANGE, 10]);
});

test('a change waits until it is admitted; once the mount is cut off it never happens, and what needs no waiting still does', async () => {
  const { fileSystem, operations, ask } = bench();
  const gate = new Gate();
  fileSystem.admission = gate.promise;
  const first = ask('mkdir', '/first', 0o755);
  gate.open();
  fileSystem.admission = null;
  assert.deepEqual(await first, [0]);
  fileSystem.admission = new Gate().promise;
  const second = ask('mkdir', '/second', 0o755);
  operations.end();
  assert.deepEqual(await second, [-ENOTCONN]);
  assert.deepEqual(await ask('mkdir', '/third', 0o755), [-ENOTCONN]);
  fileSystem.admission = null;
  assert.deepEqual(await ask('rmdir', '/first'), [0], 'libfuse removes at the end what was deleted while open');
  operations.refuse();
  assert.deepEqual(await ask('getattr', '/'), [-ENOTCONN, new Uint32Array(19)]);
  assert.deepEqual((await Promise.resolve(fileSystem.list(ROOT_INO, 0, 10, false))).length, 2);
});

test('names that text cannot stand for are refused, and a list with one of them is no list', async () => {
  const { fileSystem, ask } = bench();
  assert.deepEqual(await ask('mkdir', '/caf\ufffd', 0o755), [-EILSEQ]);
  assert.deepEqual(await ask('symlink', 'caf\ufffd', '/link'), [-EILSEQ]);
  assert.deepEqual(await ask('readdir', '/'), [0, ['.', '..'], [new Uint32Array(19).fill(0o40000, 0, 1).fill(1, 7, 8), new Uint32Array(19).fill(0o40000, 0, 1).fill(1, 7, 8)]]);
  fileSystem.mkdir(caller, ROOT_INO, Buffer.from('caf\xe9', 'latin1'), 0o755);
  assert.deepEqual(await ask('readdir', '/'), [-EILSEQ, [], []]);
});

test('a bug is EIO for the caller and is reported', async () => {
  const { fileSystem, ask, bugs } = bench();
  const bug = new Error('a bug');
  fileSystem.getattr = () => {
    throw bug;
  };
  assert.deepEqual(await ask('getattr', '/'), [-EIO, new Uint32Array(19)]);
  assert.deepEqual(bugs, [bug]);
});

test('every text that comes back from bytes gives the same bytes, and the rest is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (bytes) => {
      const name = Buffer.from(bytes);
      const text = textOf(name);
      if (text !== null) assert.deepEqual(bytesOf(text), name);
    }),
  );
});

test('times keep every nanosecond between 1697 and 2242, as the native part packs them', () => {
  const inode = new MemoryFileSystem().getattr(ROOT_INO);
  assert.ok(!(inode instanceof Promise));
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 33), max: 2 ** 33 - 1 }), fc.integer({ min: 0, max: 999_999_999 }), (sec, nsec) => {
      const packed = BigInt.asUintN(64, (BigInt(sec) << 30n) | BigInt(nsec));
      const [low, high] = [Number(packed & 0xffffffffn), Number(packed >> 32n)];
      assert.deepEqual(timeOf(low, high), { sec, nsec });
      const words = statOf({ ...inode, mtime: { sec, nsec } });
      assert.deepEqual([words[15], words[16]], [low, high]);
    }),
  );
  assert.equal(timeOf(0x3fffffff, 0), 'now');
  assert.equal(timeOf(0x3ffffffe, 0), undefined);
});

test('numbers past 32 bits: inodes and sizes whole, space in larger blocks', () => {
  const inode = new MemoryFileSystem().getattr(ROOT_INO);
  assert.ok(!(inode instanceof Promise));
  const words = statOf({ ...inode, ino: asIno(2 ** 40 + 7), size: 2 ** 52 + 3 });
  assert.deepEqual([fromWords(words[7] ?? 0, words[8] ?? 0), fromWords(words[3] ?? 0, words[4] ?? 0)], [2 ** 40 + 7, 2 ** 52 + 3]);
  const space = statvfsOf({ blockBytes: 4096, blocks: 2 ** 35, blocksFree: 2 ** 34, files: 2 ** 40, filesFree: 1, nameMax: 255 });
  assert.deepEqual([...space], [65_536, 65_536, 2 ** 31, 2 ** 30, 2 ** 30, 2 ** 32 - 1, 1, 1, 0, 0, 255]);
});

// Without this a driver that cannot be loaded would only be skipped, in every other test.
test('where the headers of libfuse 2 are, it is built and loads', { skip: existsSync('/usr/include/fuse/fuse_lowlevel.h') ? false : 'needs libfuse-dev' }, () => {
  assert.equal(typeof loadFuseNative().mount, 'function');
});

test('where it was not built, the error says how to get it', () => {
  assert.throws(() => loadFuseNative('/nowhere/at/all'), { code: 'fuse-native-missing', kind: 'unavailable', hint: /apt-get install libfuse2 libfuse-dev/ });
});

// The user's hooks: real commands and a real HTTP server. Told in order, tried again, ended when they hang, and waited for by nobody.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SystemClock, type Timer } from '../../../src/base/clock.js';
import { type Logger, silentLogger } from '../../../src/base/logger.js';
import type { HookSettings } from '../../../src/config/settings.js';
import { Hooks } from '../../../src/daemon/hooks.js';
import type { HookDocument } from '../../../src/daemon/hook-document.js';
import type { Notice } from '../../../src/volume/notices.js';
import { eventually } from '../../support/volume-process.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-hooks-'));
after(() => rmSync(folder, { recursive: true }));

/** The waits between tries are a hundred times shorter, and whatever limit a test is about; the others are as they are. Remembers for what. */
class HastyClock extends SystemClock {
  readonly delays: number[] = [];
  readonly #limitMs: number;

  constructor(limitMs = 0) {
    super();
    this.#limitMs = limitMs;
  }

  override after(delayMs: number, action: () => void): Timer {
    this.delays.push(delayMs);
    return super.after(delayMs < 5_000 || delayMs === this.#limitMs ? delayMs / 100 : delayMs, action);
  }
}

const failed = (path: string): Notice => ({ event: 'disk', time: { sec: 1_800_000_000, nsec: 0 }, disk: 'id', path, from: 'healthy', to: 'failed', reason: 'it said "EIO" $(date)' });
const lost: Notice = { event: 'protection', time: { sec: 1_800_000_001, nsec: 0 }, held: false, remainingTolerance: 1, reasons: ['disk /a is failed: EIO', 'no backup'] };

function hooksWith(settings: Partial<HookSettings>, clock: HastyClock = new HastyClock(), logger: Logger = silentLogger): Hooks {
  const all = { command: null, webhook: null, ...settings };
  return new Hooks({ volume: 'photos', mountPoint: '/photos' }, () => all, clock, logger);
}

/** All that was to be told is told, or given up. Only then is it stopped: patience at the end is short as well. */
async function idle(hooks: Hooks): Promise<void> {
  await eventually(async () => hooks.status().every(({ waiting }) => waiting === 0), 'nothing waits', 10);
  await hooks.stop();
}

/** Answers with these codes, one after another, then with the last for ever. */
async function receiver(codes: readonly number[]): Promise<{ readonly url: string; readonly got: HookDocument[]; readonly server: Server }> {
  const got: HookDocument[] = [];
  let answered = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const code = codes[Math.min(answered++, codes.length - 1)] ?? 500;
      if (code === 200 && request.method === 'POST' && request.headers['content-type'] === 'application/json') got.push(JSON.parse(body) as HookDocument); // asserted by the caller
      response.writeHead(code, code === 302 ? { location: '/elsewhere' } : {}).end('x');
    });
  });
  after(() => end(server));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, got, server };
}

function end(server: Server): void {
  server.closeAllConnections();
  server.close();
}

test('a command gets the document on its input and what matters in its environment, in order; nothing of it is run by the shell', async () => {
  const file = join(folder, 'told');
  const hooks = hooksWith({ command: `{ cat; echo "$HOLDFAST_EVENT|$HOLDFAST_VOLUME|$HOLDFAST_DISK|$HOLDFAST_FROM|$HOLDFAST_TO|$HOLDFAST_HELD|$HOLDFAST_REMAINING|$HOLDFAST_REASON|$HOLDFAST_TEXT"; } >>'${file}'` });
  hooks.tell(failed('/a'));
  hooks.tell(lost);
  await idle(hooks);
  const [first = '', variables, second = '', others] = readFileSync(file, 'utf8').split('\n');
  const document = JSON.parse(first) as HookDocument; // asserted next
  assert.deepEqual({ ...document, host: '' }, {
    version: 1, event: 'disk', sequence: 1, time: '2027-01-15T08:00:00.000Z', host: '', volume: 'photos', mountPoint: '/photos',
    text: 'photos: disk /a is failed (it was healthy): it said "EIO" $(date)',
    disk: { path: '/a', id: 'id', from: 'healthy', to: 'failed', reason: 'it said "EIO" $(date)' },
  });
  assert.equal(variables, 'disk|photos|/a|healthy|failed|||it said "EIO" $(date)|photos: disk /a is failed (it was healthy): it said "EIO" $(date)');
  assert.deepEqual((JSON.parse(second) as HookDocument).protection, { held: false, remainingTolerance: 1, reasons: ['disk /a is failed: EIO', 'no backup'] });
  assert.equal(others?.startsWith('protection|photos||||no|1|disk /a is failed: EIO; no backup|photos: protection is LESS'), true, others);
  assert.deepEqual(hooks.status(), [{ kind: 'command', told: 2, failed: 0, waiting: 0, lastError: null }]);
});

test('a command that fails is logged with what it said, and the next one is told all the same', async () => {
  const errors: unknown[] = [];
  const hooks = hooksWith({ command: 'test "$HOLDFAST_EVENT" = protection || { echo no mail today >&2; exit 7; }' }, new HastyClock(), { ...silentLogger, error: (fields) => errors.push(fields['error']) });
  hooks.tell(failed('/a'));
  hooks.tell(lost);
  await idle(hooks);
  assert.deepEqual(errors, ['exit code 7: no mail today']);
  assert.deepEqual(hooks.status(), [{ kind: 'command', told: 1, failed: 1, waiting: 0, lastError: null }]);
});

test('a command that hangs is ended with all that it has started; who tells does not wait', async () => {
  const pids = join(folder, 'pids');
  const hooks = hooksWith({ command: `trap '' TERM; sleep 1000 & echo $! >'${pids}'; sleep 1000` }, new HastyClock(30_000));
  const began = performance.now();
  hooks.tell(failed('/a'));
  assert.ok(performance.now() - began < 1_000);
  await eventually(async () => hooks.status()[0]?.failed === 1, 'it is given up', 20);
  assert.match(hooks.status()[0]?.lastError ?? '', /ended after 30 s/);
  const sleeper = Number(readFileSync(pids, 'utf8'));
  // A zombie that nobody has fetched yet sleeps no more.
  await eventually(async () => !existsSync(`/proc/${sleeper}`) || / [ZX] /.test(readFileSync(`/proc/${sleeper}/stat`, 'utf8')), 'what it started is gone as well', 20);
  await hooks.stop();
});

test('a webhook that fails twice is told the third time, and the order is kept; the waits double', async () => {
  const { url, got } = await receiver([503, 429, 200]);
  const clock = new HastyClock();
  const hooks = hooksWith({ webhook: url }, clock);
  hooks.tell(failed('/a'));
  hooks.tell(lost);
  await eventually(async () => got.length === 2, 'both are told', 10);
  assert.deepEqual(got.map(({ sequence, event }) => [sequence, event]), [[1, 'disk'], [2, 'protection']]);
  assert.deepEqual(clock.delays.filter((ms) => ms < 10_000), [1_000, 2_000]);
  await eventually(async () => hooks.status()[0]?.told === 2, 'and counted', 10);
  assert.deepEqual(hooks.status(), [{ kind: 'webhook', told: 2, failed: 0, waiting: 0, lastError: null }]);
  await hooks.stop();
});

test('a receiver that refuses is not asked again, nor is it followed elsewhere; one that is away is given up at the unmount', async () => {
  for (const code of [400, 302]) {
    const { url, got } = await receiver([code, 200]);
    const hooks = hooksWith({ webhook: url });
    hooks.tell(failed('/a'));
    hooks.tell(lost);
    await idle(hooks);
    assert.deepEqual([got.map(({ sequence }) => sequence), hooks.status()[0]?.failed], [[2], 1]);
  }
  const { url, server } = await receiver([200]);
  end(server);
  const hooks = hooksWith({ webhook: url });
  hooks.tell(failed('/a'));
  await eventually(async () => hooks.status()[0]?.lastError !== null, 'a try fails', 10);
  await hooks.stop();
  assert.deepEqual([hooks.status()[0]?.told, hooks.status()[0]?.failed, hooks.status()[0]?.waiting], [0, 1, 0]);
});

test('a receiver that takes the connection and never answers is given up after the limit', async () => {
  const server = createServer(() => undefined);
  after(() => end(server));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hooks = hooksWith({ webhook: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, new HastyClock(10_000));
  hooks.tell(failed('/a'));
  await eventually(async () => hooks.status()[0]?.lastError === 'no answer within 10 s', 'the try is given up', 10);
  await hooks.stop();
});

test('the queue has an end: the oldest go, the newest are told', async () => {
  const gate = join(folder, 'gate');
  const file = join(folder, 'paths');
  const hooks = hooksWith({ command: `while [ ! -e '${gate}' ]; do sleep 0.02; done; echo "$HOLDFAST_DISK" >>'${file}'` });
  for (let index = 0; index < 110; index++) hooks.tell(failed(`/${index}`));
  assert.deepEqual(hooks.status().map(({ waiting, failed: lostOnes }) => [waiting, lostOnes]), [[100, 10]]);
  rmSync(file, { force: true });
  writeFileSync(gate, '');
  await eventually(async () => hooks.status()[0]?.told === 100, 'the others are told', 50);
  const told = readFileSync(file, 'utf8').trim().split('\n');
  assert.deepEqual([told[0], told[1], told.at(-1)], ['/0', '/11', '/109']);
  await hooks.stop();
});

test('nothing is configured: nothing waits, and nothing is shown', async () => {
  const hooks = hooksWith({});
  hooks.tell(failed('/a'));
  await hooks.stop();
  assert.deepEqual(hooks.status(), []);
});

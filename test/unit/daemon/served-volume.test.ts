// A mounted volume with a fake volume and a fake kernel: whoever ends it, it is closed once and let go; a busy mount goes on.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SystemClock, type Timer } from '../../../src/base/clock.js';
import { HoldfastError } from '../../../src/base/errors.js';
import { silentLogger } from '../../../src/base/logger.js';
import { systemRandom } from '../../../src/base/random.js';
import { defaultSettings, type MountSettings, type VolumeSettings } from '../../../src/config/settings.js';
import type { Components, KernelMount } from '../../../src/daemon/components.js';
import { ControlClient } from '../../../src/daemon/control-client.js';
import { type DaemonStatus, ServedVolume } from '../../../src/daemon/served-volume.js';
import { VolumeLock } from '../../../src/daemon/volume-lock.js';
import type { OpenVolume } from '../../../src/volume/status.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-served-')));
after(() => rmSync(folder, { recursive: true }));

/** Patience is a hundred times shorter. */
class HastyClock extends SystemClock {
  override after(delayMs: number, action: () => void): Timer {
    return super.after(delayMs / 100, action);
  }
}

const io = { clock: new HastyClock(), random: systemRandom, logger: silentLogger, bootId: 'boot' };
let worlds = 0;

class World implements KernelMount {
  readonly settings: VolumeSettings;
  readonly mountPoint: string;
  readonly ended: Promise<void>;
  readonly events: string[] = [];
  busy = false;
  /** Somebody has the mount at another place, too. */
  copied = false;
  failing: 'open' | 'mount' | 'close' | null = null;
  endMount: () => void = () => {};

  constructor(change: Partial<VolumeSettings> = {}) {
    const home = join(folder, String(++worlds));
    this.mountPoint = join(home, 'mnt');
    mkdirSync(this.mountPoint, { recursive: true });
    mkdirSync(join(home, 'd1'));
    this.settings = { ...defaultSettings('photos', join(home, 'state')), disks: [{ path: join(home, 'd1') }], parity: 0, tolerance: 0, ...change };
    this.ended = new Promise((resolve) => {
      this.endMount = resolve;
    });
  }

  async unmount(lazy: boolean): Promise<void> {
    if (this.busy && !lazy) throw new HoldfastError('conflict', 'files are open', { code: 'mount-busy' });
    this.events.push('unmount');
    if (lazy || !this.copied) this.endMount();
  }

  async detach(): Promise<void> {
    this.events.push('detach');
    if (!this.busy) this.endMount();
  }

  async elsewhere(): Promise<readonly string[]> {
    return ['/view'];
  }

  async remount({ readOnly }: MountSettings): Promise<void> {
    if (this.busy && readOnly) throw new HoldfastError('conflict', 'files are open for writing', { code: 'mount-busy' });
    this.events.push(readOnly ? 'remount ro' : 'remount rw');
  }

  readonly components: Components = {
    openVolume: async () => {
      if (this.failing === 'open') throw new HoldfastError('corrupt', 'no disk is right', { code: 'x' });
      return this.#volume();
    },
    mount: async () => {
      if (this.failing === 'mount') throw new HoldfastError('unavailable', 'no fuse', { code: 'x' });
      return this;
    },
    rebuild: () => Promise.reject(new Error('not asked for here')),
    check: async () => [{ rule: 'links', subject: 'a', detail: 'b' }],
  };

  start(): Promise<ServedVolume> {
    return ServedVolume.start({ settings: this.settings, reference: 'photos', mountPoint: this.mountPoint, readSettings: () => this.settings }, io, this.components);
  }

  assertFree(): void {
    VolumeLock.acquire(this.settings, 'check', null).release();
  }

  #volume(): OpenVolume {
    const parts = {
      clock: io.clock,
      view: { lastRoot: () => null },
      due: () => [],
      backlog: () => ({ deltas: 1, files: 1, bytes: 1, oldest: null }),
      flush: async () => {
        this.events.push('flush');
        return { root: null, deltas: 1, files: 1, bytes: 1, segmentsUploaded: 0, imageBytes: 0, lacks: { segments: 0, ranges: [], more: false }, elapsedMs: 0 };
      },
      deltas: () => Array.from({ length: 600 }, (_, lsn) => ({ lsn, path: 'a', ino: 1, kind: 'hole', offset: 0, length: 1, segment: null, segmentOffset: 0, value: null, time: { sec: 1, nsec: 0 } })),
      status: () => ({ state: 'serving', redundancy: { held: true } }),
      onNotice: () => {},
      resumeRemovals: () => {},
      readOnly: false,
      setReadOnly: (readOnly: boolean) => this.events.push(readOnly ? 'refuse changes' : 'take changes'),
      settle: async () => this.events.push('settle'),
      sync: async () => this.events.push('sync'),
      close: async () => {
        this.events.push('close');
        if (this.failing === 'close') throw new HoldfastError('unavailable', 'a disk is away', { code: 'x' });
      },
    };
    return parts as unknown as OpenVolume; // only what the daemon uses
  }
}

test('stop unmounts, closes once, and lets the volume go', async () => {
  const world = new World();
  const served = await world.start();
  await Promise.all([served.stop('test', false), served.stop('again', true)]);
  await served.ended;
  assert.deepEqual(world.events, ['unmount', 'close']);
  world.assertFree();
});

test('umount(8) from outside ends it as well', async () => {
  const world = new World();
  const served = await world.start();
  world.endMount();
  await served.ended;
  assert.deepEqual(world.events, ['unmount', 'close']);
  world.assertFree();
});

test('a busy mount refuses to stop and goes on; lazy takes it away', async () => {
  const world = new World();
  const served = await world.start();
  world.busy = true;
  await assert.rejects(served.stop('test', false), { code: 'mount-busy' });
  assert.equal((await served.status()).state, 'serving');
  await served.stop('test', true);
  await served.ended;
  world.assertFree();
});

test('a detached mount is durable at once and closed when the last file is; nobody inside: at once', async () => {
  const world = new World();
  const served = await world.start();
  world.busy = true;
  assert.equal(await served.detach(), false);
  assert.deepEqual(world.events, ['detach', 'sync']);
  world.busy = false;
  world.endMount();
  await served.ended;
  assert.deepEqual(world.events.slice(2), ['unmount', 'close']);
  world.assertFree();
  const idle = new World();
  assert.equal(await (await idle.start()).detach(), true);
  assert.equal(idle.events.at(-1), 'close');
  idle.assertFree();
});

test('a mount that lives on elsewhere is named, durable, and closed when it ends there', async () => {
  const [cut, waited] = [new World(), new World()];
  for (const world of [cut, waited]) {
    const served = await world.start();
    world.copied = true;
    await assert.rejects(served.stop('test', false), (error: HoldfastError) => error.code === 'mount-elsewhere' && error.message.includes('/view'));
    assert.deepEqual(world.events, ['unmount', 'sync']);
    const status = await served.status();
    assert.match(status.reminders.join(), /another mount namespace/);
    if (world === cut) await served.stop('test', true);
    else world.endMount();
    await served.ended;
    world.assertFree();
  }
});

test('remounted read-only: the kernel first, then us, then all is settled; back: we first; one that the kernel refuses changes nothing', async () => {
  const world = new World();
  const served = await world.start();
  const mount = (readOnly: boolean): MountSettings => ({ ...world.settings.mount, readOnly });
  await served.remount(mount(true));
  assert.deepEqual(world.events.splice(0), ['remount ro', 'refuse changes', 'settle']);
  await served.remount(mount(false));
  assert.deepEqual(world.events.splice(0), ['take changes', 'remount rw', 'take changes']);
  world.busy = true;
  await assert.rejects(served.remount(mount(true)), { code: 'mount-busy' });
  assert.deepEqual(world.events.splice(0), ['take changes']);
  world.busy = false;
  await served.stop('test', false);
  await assert.rejects(served.remount(mount(true)), { code: 'volume-busy' });
});

test('at_unmount flushes between the unmount and the close', async () => {
  const world = new World({ flush: { ...defaultSettings('x', '/x').flush, atUnmount: true } });
  const served = await world.start();
  await served.stop('test', false);
  assert.deepEqual(world.events, ['unmount', 'flush', 'close']);
  await served.ended;
});

test('a close that fails is told to whoever asked and to the process, and the volume is let go', async () => {
  const world = new World();
  const served = await world.start();
  world.failing = 'close';
  const ended = assert.rejects(served.ended, /a disk is away/);
  await assert.rejects(served.stop('test', false), { code: 'close-failed' });
  await ended;
  world.assertFree();
});

for (const failing of ['open', 'mount'] as const) {
  test(`when ${failing} fails, nothing is left behind`, async () => {
    const world = new World();
    world.failing = failing;
    await assert.rejects(world.start());
    world.assertFree();
    assert.equal(await ControlClient.connect(world.settings.controlSocketPath), null);
  });
}

test('a volume that is served cannot be served twice', async () => {
  const world = new World();
  const served = await world.start();
  await assert.rejects(world.start(), { code: 'volume-mounted' });
  await served.stop('test', false);
  await served.ended;
});

test('the control socket gives status, flush, deltas in pieces, check, metrics and stop', async () => {
  const world = new World();
  const served = await world.start();
  const client = await ControlClient.connect(world.settings.controlSocketPath);
  assert.ok(client !== null);
  const status = (await client.call('status')) as DaemonStatus;
  assert.deepEqual([status.pid, status.state, status.mountpoint, status.name], [process.pid, 'serving', world.mountPoint, 'photos']);
  assert.deepEqual(await client.call('flush', { ifDue: true }), { flushed: false, reasons: [] });
  assert.equal(((await client.call('flush')) as { flushed: boolean }).flushed, true);
  const pieces: number[] = [];
  assert.deepEqual(await client.call('deltas', {}, { items: (items) => pieces.push(items.length) }), { count: 600 });
  assert.deepEqual(pieces, [250, 250, 100]);
  const findings: unknown[] = [];
  await client.call('check', {}, { items: (items) => findings.push(...items) });
  assert.equal(findings.length, 1);
  assert.deepEqual(await client.call('stop'), { stopped: true });
  await served.ended;
  client.close();
});

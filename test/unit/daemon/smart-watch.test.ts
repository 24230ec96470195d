// SMART by a smartctl that the test puts on the PATH: answers in the shapes of smartctl 7, what follows from them, and when it is asked at all.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.js';
import { SmartWatch } from '../../../src/daemon/smart-watch.js';
import { HandClock } from './hand-clock.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-smart-'));
const pathBefore = process.env['PATH'];
after(() => {
  process.env['PATH'] = pathBefore;
  rmSync(folder, { recursive: true });
});

let benches = 0;

/** Devices with answers, a volume on them, and what was said of its disks. */
class Bench {
  readonly folder = join(folder, String(++benches));
  readonly clock = new HandClock();
  readonly said: string[] = [];
  readonly #devices: Readonly<Record<string, readonly string[]>>;
  watch: SmartWatch;

  constructor(devices: Readonly<Record<string, readonly string[]>>) {
    this.#devices = devices;
    mkdirSync(join(this.folder, 'bin'), { recursive: true });
    const fake = join(this.folder, 'bin/smartctl');
    writeFileSync(fake, `#!/bin/sh\nfor last; do :; done\nname=$(basename "$last")\necho "$*" >>'${this.folder}/asked'\ncat '${this.folder}/'"$name.json"\nexit "$(cat '${this.folder}/'"$name.code")"\n`);
    chmodSync(fake, 0o755);
    process.env['PATH'] = `${join(this.folder, 'bin')}:${pathBefore}`;
    this.watch = this.mount();
  }

  /** Another life: what is in memory is gone. */
  mount(): SmartWatch {
    this.watch = new SmartWatch({
      disks: () => Object.keys(this.#devices),
      devicesOf: async (path) => this.#devices[path] ?? [],
      suspect: (path, reason) => this.said.push(`${path}: ${reason}`),
      stateDir: this.folder,
      clock: this.clock,
      logger: silentLogger,
    });
    return this.watch;
  }

  answer(device: string, code: number, report: unknown): void {
    writeFileSync(join(this.folder, `${device}.json`), JSON.stringify(report));
    writeFileSync(join(this.folder, `${device}.code`), String(code));
  }

  get asked(): readonly string[] {
    return existsSync(join(this.folder, 'asked')) ? readFileSync(join(this.folder, 'asked'), 'utf8').trim().split('\n') : [];
  }

  async hourLater(): Promise<readonly string[]> {
    await this.clock.pass(3_600_000);
    await this.watch.look();
    return this.said.splice(0);
  }
}

/** As smartctl 7.3 prints it for an ATA disk, shortened to what may matter. */
function ata(serial: string, raw: Readonly<Record<number, number>>, more: object = {}): object {
  return {
    json_format_version: [1, 0],
    smartctl: { version: [7, 3], exit_status: 0 },
    device: { name: '/dev/sda', info_name: '/dev/sda [SAT]', type: 'sat', protocol: 'ATA' },
    model_name: 'WDC WD40EFRX',
    serial_number: serial,
    smart_status: { passed: true },
    ata_smart_attributes: {
      revision: 16,
      table: Object.entries(raw).map(([id, value]) => ({ id: Number(id), name: `attribute ${id}`, value: 200, worst: 200, thresh: 140, when_failed: '', flags: { value: 51, prefailure: true }, raw: { value, string: String(value) } })),
    },
    ...more,
  };
}

const nvme = (log: object, passed = true): object => ({ model_name: 'Samsung 970', serial_number: 'S4', smart_status: { passed }, nvme_smart_health_information_log: { critical_warning: 0, available_spare: 100, available_spare_threshold: 10, media_errors: 0, ...log } });

test('counters that rise make every disk on the device suspect, also over an unmount; what was there at first, stays, or rises elsewhere does not', async () => {
  const bench = new Bench({ '/a': ['sda'], '/b': ['sda', 'sdb'] });
  bench.answer('sda', 0, ata('X1', { 5: 8, 9: 1_000, 197: 0 }));
  bench.answer('sdb', 4, ata('X2', { 5: 0 }));
  assert.deepEqual(await bench.hourLater(), []);
  bench.answer('sda', 0, ata('X1', { 5: 8, 9: 2_000, 197: 0 }));
  assert.deepEqual(await bench.hourLater(), [], 'hours in use are no harm');
  bench.mount();
  bench.answer('sda', 64, ata('X1', { 5: 9, 9: 3_000, 197: 16 }));
  const reason = 'SMART: reallocated sectors rose from 8 to 9, pending sectors rose from 0 to 16 (/dev/sda, WDC WD40EFRX X1)';
  assert.deepEqual(await bench.hourLater(), [`/a: ${reason}`, `/b: ${reason}`]);
  assert.deepEqual(await bench.hourLater(), [], 'it is said once');
  // Names of devices change from boot to boot.
  bench.answer('sda', 0, ata('X2', { 5: 0 }));
  bench.answer('sdb', 0, ata('X1', { 5: 9, 197: 16 }));
  assert.deepEqual(await bench.hourLater(), []);
});

test('a verdict is said again as long as it stands, for ATA, NVMe and SCSI', async () => {
  const bench = new Bench({ '/a': ['sda'], '/n': ['nvme0n1'], '/s': ['sdc'] });
  bench.answer('sda', 8, ata('X1', {}, { smart_status: { passed: false } }));
  bench.answer('nvme0n1', 0, nvme({}));
  bench.answer('sdc', 0, { serial_number: 'Z', smart_status: { passed: true }, scsi_grown_defect_list: 0 });
  for (let round = 0; round < 2; round++) assert.deepEqual(await bench.hourLater(), ['/a: SMART: the disk itself expects to fail (/dev/sda, WDC WD40EFRX X1)']);
  bench.answer('sda', 16, ata('X1', {}, { ata_smart_attributes: { table: [{ id: 10, name: 'Spin_Retry_Count', when_failed: 'now', flags: { prefailure: true }, raw: { value: 3 } }] } }));
  bench.answer('nvme0n1', 0, nvme({ media_errors: 2 }));
  bench.answer('sdc', 0, { serial_number: 'Z', smart_status: { passed: true }, scsi_grown_defect_list: 4 });
  assert.deepEqual(await bench.hourLater(), [
    '/a: SMART: Spin_Retry_Count past the threshold at which it is expected to fail (/dev/sda, WDC WD40EFRX X1)',
    '/n: SMART: media errors rose from 0 to 2 (/dev/nvme0n1, Samsung 970 S4)',
    '/s: SMART: grown defects rose from 0 to 4 (/dev/sdc, Z)',
  ]);
  bench.answer('sda', 0, ata('X1', {}));
  bench.answer('nvme0n1', 0, nvme({ media_errors: 2, available_spare: 9 }));
  assert.deepEqual(await bench.hourLater(), ['/n: SMART: only 9 % of its spare is left (/dev/nvme0n1, Samsung 970 S4)']);
});

test('at most once an hour each, also over an unmount and when the clock was set back; never waking one; a sleeping one says nothing', async () => {
  const bench = new Bench({ '/a': ['sda'] });
  bench.answer('sda', 0, ata('X1', { 5: 0 }));
  await bench.watch.look();
  assert.deepEqual(bench.asked, ['--json=c -n standby,3 -i -H -A /dev/sda']);
  await bench.clock.pass(3_599_000);
  await bench.watch.look();
  await bench.mount().look();
  assert.equal(bench.asked.length, 1);
  bench.answer('sda', 3, { smartctl: { messages: [{ string: 'Device is in STANDBY mode, exit(3)', severity: 'information' }], exit_status: 3 } });
  assert.deepEqual(await bench.hourLater(), []);
  bench.answer('sda', 0, ata('X1', { 5: 1 }));
  assert.equal((await bench.hourLater()).length, 1, 'it is asked again when it is awake');
  assert.equal(bench.asked.length, 3);
  const state = JSON.parse(readFileSync(join(bench.folder, 'smart.state'), 'utf8')) as { asked: Record<string, number> }; // its own
  writeFileSync(join(bench.folder, 'smart.state'), JSON.stringify({ ...state, asked: { sda: (state.asked['sda'] ?? 0) + 1e6 } }));
  await bench.mount().look();
  assert.equal(bench.asked.length, 4);
});

test('what cannot be asked is asked once a mount, and what is no block device never; nonsense is no news', async () => {
  const bench = new Bench({ '/l': ['loop0'], '/t': ['dev:0:44'], '/x': ['sdx'] });
  bench.answer('loop0', 1, { smartctl: { messages: [{ string: '/dev/loop0: Unable to detect device type', severity: 'error' }], exit_status: 1 } });
  writeFileSync(join(bench.folder, 'sdx.json'), 'not JSON');
  writeFileSync(join(bench.folder, 'sdx.code'), '0');
  for (let round = 0; round < 3; round++) assert.deepEqual(await bench.hourLater(), []);
  assert.deepEqual(bench.asked.map((line) => line.split(' ').at(-1)), ['/dev/loop0', '/dev/sdx']);
  writeFileSync(join(bench.folder, 'smart.state'), '{"asked":');
  await bench.mount().look();
  assert.equal(bench.asked.length, 4, 'a damaged file is as none');
});

test('one that never answers is ended at the unmount, which waits for no limit', async () => {
  const bench = new Bench({ '/a': ['sda'] });
  bench.answer('sda', 0, {});
  writeFileSync(join(bench.folder, 'bin/smartctl'), `#!/bin/sh\necho "$$" >'${bench.folder}/pid'\nexec sleep 1000\n`);
  const looking = bench.watch.look();
  while (!existsSync(join(bench.folder, 'pid')) || readFileSync(join(bench.folder, 'pid'), 'utf8') === '') await bench.clock.turn();
  await bench.watch.stop();
  await looking;
  assert.deepEqual(bench.said, []);
});

// The text that Prometheus reads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../../src/daemon/metrics.js';
import type { VolumeStatus } from '../../../src/volume/status.js';

test('the event loop, the backlog and the disks are in the metrics', async () => {
  const status = {
    state: 'serving',
    redundancy: { held: true, remainingTolerance: 2, since: 1_700_000_000 },
    backlog: { bytes: 5, deltas: 1, files: 1, ageSeconds: 3 },
    journal: { bytes: 100 },
    space: { totalBytes: 1000, freeBytes: 500, files: 7 },
    segments: { spares: [{ spare: -1, onlyHere: 0, inBackup: 2 }, { spare: 2, onlyHere: 3, inBackup: 4 }], complete: true },
    backup: null,
    lastRoot: null,
    scrub: { periodSeconds: 60, running: { doneBytes: 1, totalBytes: 4 }, last: { endedAt: 1_700_000_000.5, bytes: 99, found: 3, healed: 2, lostBytes: 8 } },
    disks: [{ path: '/mnt/a', state: 'healthy', freeBytes: 10, bytesWritten: 20, bytesRead: 30, errors: 0, since: 1_700_000_005, changes: 3, latency: { read: { operations: 5, medianMs: 2, p99Ms: 30 }, write: null } }],
  } as unknown as VolumeStatus; // the part that metrics are made of
  const text = await new Metrics('photos').text(status, {
    last: null,
    hooks: [{ kind: 'command', told: 4, failed: 1, waiting: 2, lastError: 'exit code 1' }],
    residentBytes: 64,
    loop: { medianMs: 0.5, p99Ms: 4, largestMs: 40 },
  });
  for (const [quantile, seconds] of [
    ['0.5', '0.0005'],
    ['0.99', '0.004'],
    ['1', '0.04'],
  ]) {
    assert.ok(text.includes(`holdfast_event_loop_delay_seconds{quantile="${quantile}",volume="photos"} ${seconds}\n`), text);
  }
  assert.ok(text.includes('holdfast_scrub_done_ratio{volume="photos"} 0.25\n'), text);
  assert.ok(text.includes('holdfast_scrub_last_end_seconds{volume="photos"} 1700000000.5\n'), text);
  assert.ok(text.includes('holdfast_scrub_last_found{volume="photos"} 3\n'), text);
  assert.ok(text.includes('holdfast_backlog_bytes{volume="photos"} 5\n'), text);
  for (const [name, figure] of [['told', 4], ['failed', 1], ['waiting', 2]]) assert.ok(text.includes(`holdfast_hook_${name}{hook="command",volume="photos"} ${figure}\n`), text);
  assert.ok(text.includes('holdfast_disk_state{disk="/mnt/a",state="healthy",volume="photos"} 1\n'), text);
  assert.ok(text.includes('holdfast_disk_state{disk="/mnt/a",state="failed",volume="photos"} 0\n'), text);
  assert.ok(text.includes('holdfast_disk_state_since_seconds{disk="/mnt/a",volume="photos"} 1700000005\n'), text);
  assert.ok(text.includes('holdfast_disk_state_changes{disk="/mnt/a",volume="photos"} 3\n'), text);
  assert.ok(text.includes('holdfast_segments{spare="-1",place="backup",volume="photos"} 2\n'), text);
  assert.ok(text.includes('holdfast_segments{spare="2",place="only-here",volume="photos"} 3\n'), text);
  assert.ok(text.includes('holdfast_disk_latency_seconds{disk="/mnt/a",operation="read",quantile="0.99",volume="photos"} 0.03\n'), text);
  assert.ok(text.includes('holdfast_disk_written_bytes{disk="/mnt/a",volume="photos"} 20\n'), text);
});

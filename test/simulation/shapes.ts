// The shapes of volume that the simulation goes through, by seed.
import type { WorldShape } from './world.js';

export const shapes: readonly WorldShape[] = [
  { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true },
  { disks: 3, parity: 1, tolerance: 1, scheme: 'parity', backup: true },
  { disks: 4, parity: 1, tolerance: 2, scheme: 'copy', backup: true, journalDisks: 3 },
  { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: false },
  // It scrubs all the time.
  { disks: 5, parity: 1, tolerance: 2, scheme: 'parity', backup: true, scrubPeriodSeconds: 5 },
  { disks: 4, parity: 2, tolerance: 2, scheme: 'parity', backup: true },
  { disks: 3, parity: 0, tolerance: 1, scheme: 'parity', backup: true },
  { disks: 1, parity: 0, tolerance: 0, scheme: 'parity', backup: true },
  // Small enough to be full, of data and of journal, before a life ends.
  { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true, diskBytes: 1024 * 1024 },
];

/** Others fill its disks. Each of these lives is ten times as long as one of the others: everybody waits for room, for a minute at a time. */
export const filledShape: WorldShape = { disks: 4, parity: 1, tolerance: 2, scheme: 'parity', backup: true, diskBytes: 4 * 1024 * 1024, filledByOthers: true };

/** Disasters need a disk to lose; with no backup un-backed-up segments are strengthened after the loss. */
export const disasterShapes: readonly WorldShape[] = shapes.filter((shape) => shape.tolerance > 0);

export function shapeOf(list: readonly WorldShape[], seed: number): WorldShape {
  const shape = list[seed % list.length];
  if (shape === undefined) throw new RangeError('no shapes');
  return shape;
}

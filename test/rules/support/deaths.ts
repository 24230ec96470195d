// A death at a chosen place of some work in a House: at its n-th failpoint, by a kill or a loss of power. What the code does with the
// exception that it meets there reaches nobody.
import { setFailpointAction } from '../../../src/base/failpoint.js';
import type { House } from './house.js';

export type Death = 'kill' | 'power';

class Died extends Error {}

/** Runs the work until its n-th failpoint whose name is `wanted`; gives that name, or null when the work was done before. The house is dead then, or as the work left it. */
export async function dieAt(house: House, nth: number, how: Death, wanted: (name: string) => boolean, work: () => Promise<unknown>): Promise<string | null> {
  const { world } = house;
  let left = nth;
  let diedAt: string | null = null;
  setFailpointAction((name) => {
    if (diedAt === null && (!wanted(name) || --left > 0)) return;
    if (diedAt === null) {
      diedAt = name;
      world.scheduler.halted = true;
      if (how === 'kill') world.kill();
      else world.losePower();
    }
    throw new Died(name);
  });
  try {
    const outcome = await world.scheduler.run(work(), 400_000);
    if (outcome === 'stopped' && diedAt === null) throw new Error('the work does not come to an end');
  } catch (error) {
    if (diedAt === null) throw error;
  } finally {
    setFailpointAction(undefined);
  }
  if (diedAt === null) return null;
  house.kill();
  // What a dead process may still do to its own state folder reaches nobody.
  house.settings = { ...house.settings, stateDir: world.settings.stateDir };
  return diedAt;
}

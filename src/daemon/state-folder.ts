// What goes wrong with a volume's own folder, in words: it is another user's, it cannot be made, its disk is full.
import { HoldfastError, messageOf } from '../base/errors.js';

/** Runs an action on files of the folder. 'unavailable' (state-dir) instead of the system's error. */
export function inStateFolder<T>(stateDir: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError('unavailable', `the state directory ${stateDir} cannot be used: ${messageOf(error)}`, {
      code: 'state-dir',
      hint: 'it must belong to the user who mounts the volume, as its disks must; state_dir in the configuration file (or $HOLDFAST_STATE_DIR) names another',
      context: { stateDir },
      cause: error,
    });
  }
}

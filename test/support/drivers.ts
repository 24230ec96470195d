// The second driver in tests: whether it is here, and how a configuration chooses it.
import assert from 'node:assert/strict';
import type { FuseDriver } from '../../src/config/settings.js';
import { messageOf } from '../../src/base/errors.js';
import { loadFuseNative } from '../../src/native/fuse-native.js';

/** Why the driver fuse-native cannot be tried here, or null. */
export const fuseNativeObstacle: string | null = obstacle();

/** The text of a volume's file, as init writes it, with this driver. */
export function withDriver(text: string, driver: FuseDriver): string {
  const next = text.replace(/^(# )?driver = "[a-z-]+"/m, `driver = "${driver}"`);
  assert.match(next, new RegExp(`^driver = "${driver}"`, 'm'));
  return next;
}

function obstacle(): string | null {
  try {
    loadFuseNative();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

// Deletes keys in batches that a store takes, asking before each batch whether deleting is still ours to do.
import { failpoint } from '../base/failpoint.js';
import type { ObjectStore } from '../objectstore/object-store.js';

/** The limit of S3's DeleteObjects. */
const batchMax = 1_000;

/** Called before each batch; throws when the epoch is somebody else's now or a flush is running. */
export type DeletionGuard = () => Promise<void>;

export async function deleteInBatches(store: ObjectStore, keys: readonly string[], guard: DeletionGuard): Promise<void> {
  for (let at = 0; at < keys.length; at += batchMax) {
    await guard();
    failpoint('backup-before-delete-batch');
    await store.delete(keys.slice(at, at + batchMax));
  }
}

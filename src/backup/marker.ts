// The object `holdfast.json` at the top of a prefix: whose backup this is. Written first and only once, by init.
// A prefix that belongs to another volume, or holds a backup without its marker, is refused before anything else is written.
import type { Clock } from '../base/clock.js';
import { HoldfastError, isErrorOf, messageOf } from '../base/errors.js';
import { asVolumeId, type VolumeId } from '../base/ids.js';
import { asText, decodeJsonObject, encodeJsonObject } from '../format/json-object.js';
import type { ObjectStore } from '../objectstore/object-store.js';
import { markerKey, packPrefix, rootPrefix, segmentPrefix } from './keys.js';

const format = 'holdfast-backup';
/** Version of the whole layout below the prefix. */
const version = 1;

export interface BackupMarker {
  readonly volume: VolumeId;
}

/** null when there is none; 'corrupt' when it is damaged or of another version. */
export async function readMarker(store: ObjectStore): Promise<BackupMarker | null> {
  const name = `${markerKey} in ${store.description}`;
  let bytes: Buffer;
  try {
    bytes = await store.get(markerKey);
  } catch (error) {
    if (isErrorOf(error, 'missing')) return null;
    throw error;
  }
  const json = decodeJsonObject(bytes, format, version, name);
  try {
    return { volume: asVolumeId(asText(json.volume, 'volume', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)) };
  } catch (error) {
    throw new HoldfastError('corrupt', `${name} is damaged: ${messageOf(error)}`, { code: 'backup-marker', cause: error });
  }
}

/** Takes the prefix for this volume; fine when it has it already. 'conflict' (backup-prefix-taken) otherwise. */
export async function claimMarker(store: ObjectStore, volume: VolumeId, clock: Clock): Promise<void> {
  await store.prepare?.();
  const there = await readMarker(store);
  if (there !== null) {
    assertSame(store, there, volume);
    return;
  }
  await assertEmpty(store);
  try {
    await store.put(markerKey, [encodeJsonObject(format, version, { volume, created: clock.now() })], { ifAbsent: true });
  } catch (error) {
    if (!isErrorOf(error, 'conflict', 'unavailable')) throw error;
    // Somebody was faster, or we were and never heard of it: what stands there decides.
    const now = await readMarker(store);
    if (now === null) throw error;
    assertSame(store, now, volume);
  }
  // Durable from here: the prefix is this volume's.
}

/** 'invalid' (backup-not-initialised) where there is no marker, 'conflict' (backup-prefix-taken) where it is another volume's. */
export async function checkMarker(store: ObjectStore, volume: VolumeId): Promise<void> {
  const marker = await readMarker(store);
  if (marker === null) {
    throw new HoldfastError('invalid', `${store.description} holds no Holdfast backup`, {
      code: 'backup-not-initialised',
      hint: 'Is the disk or share mounted, and are URL and prefix those that were given to `holdfast init --backup`?',
      context: { store: store.description },
    });
  }
  assertSame(store, marker, volume);
}

function assertSame(store: ObjectStore, marker: BackupMarker, volume: VolumeId): void {
  if (marker.volume === volume) return;
  throw new HoldfastError('conflict', `${store.description} belongs to volume ${marker.volume}`, {
    code: 'backup-prefix-taken',
    hint: 'Give this volume a bucket or prefix of its own.',
    context: { store: store.description, volume: marker.volume },
  });
}

async function assertEmpty(store: ObjectStore): Promise<void> {
  for (const prefix of [rootPrefix, segmentPrefix, packPrefix]) {
    for await (const { key } of store.list(prefix)) {
      throw new HoldfastError('conflict', `${store.description} holds ${key} but no ${markerKey}: it looks like a backup that lost its marker`, {
        code: 'backup-prefix-taken',
        hint: 'Give this volume an empty prefix.',
        context: { store: store.description, key },
      });
    }
  }
}

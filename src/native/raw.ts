// Shapes of the addon's raw functions, one interface per glue file. Nobody outside src/native uses them.
import type { RawChannel } from './raw-channel.js';
import type { RawCompute } from './raw-compute.js';
import type { RawIo } from './raw-io.js';

export type RawAddon = RawChannel & RawCompute & RawIo;

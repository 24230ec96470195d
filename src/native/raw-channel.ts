// Raw functions of native/glue/channel.cc and mount.cc: /dev/fuse in Node's event loop. Failures are errno numbers.

export interface RawFuseChannel {
  /** All slots, one after another; a request of slot i begins at i * slotBytes + requestOffset. */
  readonly slots: ArrayBuffer;
  /** Answers are put together here. */
  readonly replyArea: ArrayBuffer;
  /** Writes `length` bytes of the reply area and then the data as one answer. 0 or errno. */
  reply(length: number, data?: Uint8Array | readonly Uint8Array[]): number;
  release(slot: number): void;
  /** 0 or a negative errno. */
  notify(message: Uint8Array): Promise<number>;
  close(): void;
}

export interface RawChannel {
  readonly FuseChannel: new (device: number, slotCount: number, onRequest: (slot: number, length: number) => boolean, onEnd: (errno: number) => void) => RawFuseChannel;
  readonly fuseLayout: { readonly slotBytes: number; readonly requestOffset: number; readonly payloadBytesMax: number };
  /** The device (>= 0) or a negative errno. */
  fuseMount(mountPoint: string, source: string, type: string, flags: number, options: string): Promise<number>;
  /** 0 or a negative errno. */
  fuseUnmount(mountPoint: string, flags: number): Promise<number>;
  /** 0 or a negative errno. */
  fuseRemount(mountPoint: string, flags: number): Promise<number>;
  socketPair(): [number, number] | number;
  receiveDevice(socket: number): number;
}

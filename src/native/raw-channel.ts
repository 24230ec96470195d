// Raw functions of native/glue/channel.cc: /dev/fuse in Node's event loop.

// biome-ignore lint/suspicious/noEmptyInterface: filled by the channel
export interface RawChannel {}

// Raw functions of native/glue/io.cc: per-disk queues and threads.

// biome-ignore lint/suspicious/noEmptyInterface: filled by the I/O part
export interface RawIo {}

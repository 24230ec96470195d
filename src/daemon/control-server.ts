// The daemon's end of the control socket: mode 0600, so that only the same user (and root) can talk to it.
// Requests of one connection run concurrently; every request gets exactly one result or error. Owns no meaning: methods are passed in.
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { HoldfastError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { type ControlReply, controlVersion, LineSplitter, parseRequest, toWireError } from './control-protocol.js';

export interface ControlCall {
  readonly params: Readonly<Record<string, unknown>>;
  progress(step: string, done: number, total: number): void;
  /** Sends a piece of a long answer; resolves when the peer can take more. */
  items(items: readonly unknown[]): Promise<void>;
}

/** Runs one call and gives its result, plain data. */
export type ControlMethod = (call: ControlCall) => Promise<unknown> | unknown;

/** Connections at once: a handful of commands and a dashboard; more are closed at once. */
const connectionsMax = 64;

export class ControlServer {
  readonly #methods: ReadonlyMap<string, ControlMethod>;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #serving = new Set<Promise<void>>();
  #closed: Promise<void> | null = null;

  private constructor(methods: ReadonlyMap<string, ControlMethod>, logger: Logger) {
    this.#methods = methods;
    this.#logger = logger;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = connectionsMax;
  }

  /** Listens at `path`. The caller holds the volume's lock, so a file that is there already is a dead daemon's. */
  static async listen(path: string, methods: ReadonlyMap<string, ControlMethod>, logger: Logger): Promise<ControlServer> {
    rmSync(path, { force: true });
    const control = new ControlServer(methods, logger);
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject);
      // bind(2) happens inside listen(): the socket file never exists with wider permissions.
      const umask = process.umask(0o177);
      try {
        control.#server.listen(path, resolve);
      } finally {
        process.umask(umask);
      }
    }).catch((error: unknown) => {
      throw new HoldfastError('unavailable', `cannot listen on the control socket ${path}: ${messageOf(error)}`, { code: 'control-listen', cause: error, context: { path } });
    });
    chmodSync(path, 0o600);
    return control;
  }

  /** No new connections, and the socket file is gone when this returns. Call before the volume's lock is released: the next daemon's file has the same name. */
  stopListening(): void {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** Requests under way are answered, then connections are ended once what was written has been sent. */
  async close(): Promise<void> {
    this.stopListening();
    await Promise.all(this.#serving);
    for (const socket of this.#sockets) socket.end(() => socket.destroySoon());
    await this.#closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const lines = new LineSplitter();
    socket.setEncoding('utf8');
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', (error) => this.#logger.debug({ error: error.message }, 'a control connection broke'));
    socket.on('data', (text: string) => {
      try {
        for (const line of lines.push(text)) {
          const serving: Promise<void> = this.#serve(socket, line).finally(() => this.#serving.delete(serving));
          this.#serving.add(serving);
        }
      } catch (error) {
        send(socket, { version: controlVersion, id: 0, error: toWireError(error) });
        socket.destroySoon();
      }
    });
  }

  /** Never rejects: every failure becomes an error message to the peer. */
  async #serve(socket: Socket, line: string): Promise<void> {
    let id = 0;
    try {
      const request = parseRequest(line);
      id = request.id;
      const method = this.#methods.get(request.method);
      if (method === undefined) {
        throw new HoldfastError('invalid', `the daemon has no method ${JSON.stringify(request.method)}`, { code: 'control-method', hint: `it has: ${[...this.#methods.keys()].join(', ')}` });
      }
      const result = await method({
        params: request.params,
        progress: (step, done, total) => void send(socket, { version: controlVersion, id, progress: { step, done, total } }),
        items: (items) => sendAndDrain(socket, { version: controlVersion, id, items }),
      });
      send(socket, { version: controlVersion, id, result: result ?? null });
    } catch (error) {
      const wire = toWireError(error);
      if (wire.kind === 'internal') this.#logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'a control request failed unexpectedly');
      send(socket, { version: controlVersion, id, error: wire });
    }
  }
}

function send(socket: Socket, reply: ControlReply): boolean {
  // A peer that went away gets nothing; what it asked for was done all the same.
  return socket.writable && socket.write(`${JSON.stringify(reply)}\n`);
}

async function sendAndDrain(socket: Socket, reply: ControlReply): Promise<void> {
  if (send(socket, reply)) return;
  if (!socket.writable) throw new HoldfastError('closed', 'the control connection was closed by its peer', { code: 'control-closed' });
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

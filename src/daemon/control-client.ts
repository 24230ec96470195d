// The commands' end of the control socket. connect() gives null when no daemon listens, so that a command can go on by itself.
import { connect, type Socket } from 'node:net';
import { HoldfastError, messageOf } from '../base/errors.js';
import { type ControlReply, controlVersion, fromWireError, LineSplitter, parseReply } from './control-protocol.js';

export interface CallHandlers {
  readonly progress?: (step: string, done: number, total: number) => void;
  readonly items?: (items: readonly unknown[]) => void;
}

interface Pending {
  readonly handlers: CallHandlers;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #end: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });
  #failure: HoldfastError | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = new LineSplitter();
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      try {
        for (const line of lines.push(text)) this.#receive(parseReply(line));
      } catch (error) {
        this.#fail(error instanceof HoldfastError ? error : new HoldfastError('internal', messageOf(error), { code: 'control-message', cause: error }));
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#fail(new HoldfastError('unavailable', 'the daemon closed the connection before it answered', { code: 'control-closed', hint: 'holdfast status shows whether it still runs; its log says why it ended' }));
    });
  }

  /** Resolves when nothing can be asked any more. Never rejects. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** null when there is no socket or nobody listens; 'unavailable' (control-refused) when it is there but not for us. */
  static connect(path: string): Promise<ControlClient | null> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('connect', () => resolve(new ControlClient(socket)));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR') resolve(null);
        else {
          reject(
            new HoldfastError('unavailable', `cannot talk to the daemon at ${path}: ${error.message}`, {
              code: 'control-refused',
              hint: 'run the command as the user who mounted the volume, or as root',
              cause: error,
              context: { path },
            }),
          );
        }
      });
    });
  }

  /** The method's result; its error as the HoldfastError it was in the daemon. */
  call(method: string, params: Readonly<Record<string, unknown>> = {}, handlers: CallHandlers = {}): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { handlers, resolve, reject });
      this.#socket.write(`${JSON.stringify({ version: controlVersion, id, method, params })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(reply: ControlReply): void {
    if ('error' in reply && reply.id === 0) throw fromWireError(reply.error);
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ('progress' in reply) pending.handlers.progress?.(reply.progress.step, reply.progress.done, reply.progress.total);
    else if ('items' in reply) pending.handlers.items?.(reply.items);
    else {
      this.#pending.delete(reply.id);
      if ('error' in reply) pending.reject(fromWireError(reply.error));
      else pending.resolve(reply.result);
    }
  }

  #fail(error: HoldfastError): void {
    this.#failure ??= error;
    this.#end();
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
    this.#socket.destroy();
  }
}

// From a request in a slot to its answer. What the file system answers at once is sent in the same turn; the rest later.
// Every request that expects an answer gets exactly one, whatever goes wrong. No slot is held for a request that waits, except by
// writes past parkedBytesMax: a change that is not admitted yet is parked with its own copy, and has not begun.
import { constants } from 'node:os';
import type { Clock } from '../base/clock.js';
import { HoldfastError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { FileSystem } from '../filesystem/contract.js';
import type { ControlCall, FileCall } from './call.js';
import { addedBytes, freesRoom } from './call-room.js';
import { decode } from './decode.js';
import { Failures } from './failure.js';
import { ListHabits } from './list-habits.js';
import { encodeInit, encodeMajor, kernelOpens, type Negotiation, negotiate, setxattrBytesOf } from './negotiation.js';
import { type EncodeContext, type Operation, operationOf } from './operations.js';
import { ReplyWriter, validityOf } from './reply-writer.js';
import { RequestReader } from './request-reader.js';
import type { FuseSettings } from './settings.js';

const { EINTR, EIO, ENODEV, ENOSYS, EPROTO } = constants.errno;

/** The part of a Channel that answers go through. */
export interface AnswerPort {
  readonly requests: Buffer;
  readonly replyArea: Buffer;
  reply(length: number, data?: Uint8Array): number;
  release(slot: number): void;
}

export interface DispatcherOptions {
  readonly fileSystem: FileSystem;
  readonly settings: FuseSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something that must not happen did; the request was answered with EIO. */
  readonly onFatal: (error: unknown) => void;
  readonly onInit: (result: Negotiation) => void;
  readonly isDying: (pid: number) => Promise<boolean>;
}

type AnyOperation = Operation<FileCall, unknown>;

/** A request that has not been answered yet. */
interface Pending {
  readonly unique: number;
  readonly pid: number;
  readonly call: FileCall;
  readonly operation: AnyOperation;
  /** Bytes counted against parkedBytesMax. */
  readonly parkedBytes: number;
  /** Held while parked because the parking is full; else -1. */
  readonly slot: number;
  /** Not begun: can be given up whatever the operation is. */
  readonly parked: boolean;
  interrupted: boolean;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #port: AnswerPort;
  readonly #failures: Failures;
  readonly #reader: RequestReader;
  readonly #writer: ReplyWriter;
  readonly #context: EncodeContext;
  readonly #pending = new Map<number, Pending>();
  #parkedBytes = 0;
  #requests = 0;
  #ended = false;

  constructor(port: AnswerPort, options: DispatcherOptions) {
    this.#options = options;
    this.#port = port;
    this.#failures = new Failures(options);
    this.#reader = new RequestReader(port.requests);
    this.#writer = new ReplyWriter(port.replyArea);
    this.#context = {
      fileSystem: options.fileSystem,
      writer: this.#writer,
      entryValidity: validityOf(options.settings.entryTimeoutMs),
      attributeValidity: validityOf(options.settings.attributeTimeoutMs),
      negativeValidity: validityOf(options.settings.negativeTimeoutMs),
      habits: new ListHabits(),
      kernelOpens: false,
    };
  }

  get counters(): { readonly requests: number; readonly pending: number; readonly parkedBytes: number } {
    return { requests: this.#requests, pending: this.#pending.size, parkedBytes: this.#parkedBytes };
  }

  /** The request of `length` bytes at `offset` of the port's requests. Never throws. True: the slot is kept, and released later. */
  request(slot: number, offset: number, length: number): boolean {
    this.#requests++;
    const found = this.#reader.attach(offset, length);
    if (found === 'unusable') {
      this.#options.onFatal(new HoldfastError('internal', `the kernel sent ${length} bytes that are no request`, { code: 'fuse-request-unusable' }));
      return false;
    }
    try {
      if (found === 'answerable') this.#status(this.#reader.unique, EIO);
      else return this.#serve(slot, decode(this.#reader));
    } catch (error) {
      this.#fail(this.#reader.unique, error);
    }
    return false;
  }

  /** The kernel's side is gone: nothing is answered any more, what is parked never begins. */
  end(): void {
    this.#ended = true;
    for (const pending of this.#pending.values()) this.#leave(pending);
  }

  #serve(slot: number, call: ControlCall | FileCall): boolean {
    switch (call.op) {
      case 'silence':
        return false;
      case 'forget':
        for (const { ino, count } of call.forgotten) this.#options.fileSystem.forget(ino, count);
        return false;
      case 'interrupt':
        this.#interrupt(call.unique);
        return false;
      case 'refuse':
        this.#status(this.#reader.unique, call.errno);
        return false;
      case 'destroy':
        this.#status(this.#reader.unique, 0);
        return false;
      case 'init':
        this.#init(call);
        return false;
      case 'open':
      case 'create':
        // Said once, and the kernel opens alone: a new file is a MKNOD, and no RELEASE comes.
        if (!this.#context.kernelOpens) return this.#begin(slot, call);
        this.#status(this.#reader.unique, ENOSYS);
        return false;
      default:
        return this.#begin(slot, call);
    }
  }

  #init(call: Extract<ControlCall, { readonly op: 'init' }>): void {
    const unique = this.#reader.unique;
    const result = negotiate(call);
    this.#writer.begin();
    if (result === 'too-old') {
      this.#status(unique, EPROTO);
    } else {
      if (result === 'agreed') {
        this.#reader.setxattrBytes = setxattrBytesOf(call);
        this.#context.kernelOpens = kernelOpens(call, this.#options.settings);
        encodeInit(this.#writer, call, this.#options.settings);
      } else encodeMajor(this.#writer);
      this.#send(unique, this.#writer.finish(unique));
    }
    this.#options.onInit(result);
  }

  #begin(slot: number, call: FileCall): boolean {
    const { unique, pid } = this.#reader;
    const operation = operationOf(call);
    const wait = operation.changes ? this.#options.fileSystem.admit(addedBytes(call), freesRoom(call)) : null;
    if (wait === null) {
      this.#run(unique, pid, call, operation);
      return false;
    }
    const pending = this.#park(slot, call, operation);
    // Its failures are answered inside; it never rejects.
    void this.#admitLater(pending, wait);
    return pending.slot >= 0;
  }

  /** Takes what the request needs out of its slot, or keeps the slot when the parking is full. */
  #park(slot: number, call: FileCall, operation: AnyOperation): Pending {
    const bytes = addedBytes(call);
    const fits = this.#parkedBytes + bytes <= this.#options.settings.parkedBytesMax;
    const pending: Pending = {
      unique: this.#reader.unique,
      pid: this.#reader.pid,
      call: call.op === 'write' && fits ? { ...call, data: Buffer.from(call.data) } : call,
      operation,
      parkedBytes: fits ? bytes : 0,
      slot: fits ? -1 : slot,
      parked: true,
      interrupted: false,
    };
    this.#parkedBytes += pending.parkedBytes;
    this.#pending.set(pending.unique, pending);
    return pending;
  }

  async #admitLater(pending: Pending, first: Promise<void>): Promise<void> {
    const { unique, pid, call, operation } = pending;
    try {
      for (let wait: Promise<void> | null = first; wait !== null; wait = this.#options.fileSystem.admit(addedBytes(call), freesRoom(call))) {
        await wait;
        // Interrupted or ended meanwhile: it must not happen any more.
        if (this.#pending.get(unique) !== pending) return;
      }
      this.#pending.delete(unique);
      this.#run(unique, pid, call, operation);
      this.#giveBack(pending);
    } catch (error) {
      if (this.#pending.get(unique) === pending) this.#leave(pending);
      this.#fail(unique, error);
    }
  }

  #leave(pending: Pending): void {
    this.#pending.delete(pending.unique);
    this.#giveBack(pending);
  }

  #giveBack(pending: Pending): void {
    this.#parkedBytes -= pending.parkedBytes;
    if (pending.slot >= 0) this.#port.release(pending.slot);
  }

  #run(unique: number, pid: number, call: FileCall, operation: AnyOperation): void {
    let answer: unknown;
    try {
      answer = operation.invoke(this.#options.fileSystem, call, this.#context);
    } catch (error) {
      this.#fail(unique, error);
      return;
    }
    if (answer instanceof Promise) this.#answerLater(unique, pid, call, operation, answer);
    else this.#answer(unique, call, operation, answer);
  }

  #answerLater(unique: number, pid: number, call: FileCall, operation: AnyOperation, answer: Promise<unknown>): void {
    const pending: Pending = { unique, pid, call, operation, parkedBytes: 0, slot: -1, parked: false, interrupted: false };
    this.#pending.set(unique, pending);
    answer.then(
      (result) => {
        if (this.#pending.delete(unique)) this.#answer(unique, call, operation, result);
        else this.#takeBack(call, operation, result);
      },
      (error) => {
        if (this.#pending.delete(unique)) this.#fail(unique, error);
      },
    );
  }

  /** The answer came after the request was given up. */
  #takeBack(call: FileCall, operation: AnyOperation, result: unknown): void {
    if (this.#ended) return;
    try {
      operation.undo?.(this.#options.fileSystem, call, result);
    } catch (error) {
      this.#options.onFatal(error);
    }
  }

  #answer(unique: number, call: FileCall, operation: AnyOperation, result: unknown): void {
    try {
      this.#writer.begin();
      const data = operation.encode(this.#context, call, result);
      this.#send(unique, this.#writer.finish(unique, data?.length ?? 0), data);
    } catch (error) {
      this.#fail(unique, error);
    }
  }

  // ---- interrupts ---------------------------------------------------------------------------

  /** What is not waiting (any more) is answered already. */
  #interrupt(unique: number): void {
    const pending = this.#pending.get(unique);
    if (pending === undefined || pending.interrupted) return;
    if (!pending.parked && !pending.operation.interruptible) return;
    pending.interrupted = true;
    this.#watchCaller(pending);
  }

  /** The kernel tells of the first signal only, so a caller that survives it is looked at again. */
  #watchCaller(pending: Pending): void {
    this.#options.isDying(pending.pid).then(
      (dying) => {
        if (this.#pending.get(pending.unique) !== pending) return;
        if (dying) {
          this.#leave(pending);
          this.#status(pending.unique, EINTR);
        } else {
          this.#options.clock.after(this.#options.settings.interruptPollMs, () => {
            if (this.#pending.get(pending.unique) === pending) this.#watchCaller(pending);
          });
        }
      },
      (error) => this.#options.onFatal(error),
    );
  }

  // ---- answers ------------------------------------------------------------------------------

  #fail(unique: number, error: unknown): void {
    this.#status(unique, this.#failures.errnoOf(error));
  }

  #status(unique: number, errno: number): void {
    this.#send(unique, this.#writer.status(unique, errno));
  }

  #send(unique: number, length: number, data?: Uint8Array): void {
    if (this.#ended) return;
    const failed = data === undefined ? this.#port.reply(length) : this.#port.reply(length, data);
    // Gone while we answered: end() is on its way.
    if (failed === 0 || failed === ENODEV) return;
    // The kernel did not take it, so the caller still waits: a bare EIO is always taken.
    this.#port.reply(this.#writer.status(unique, EIO));
    const bytes = length + (data?.length ?? 0);
    this.#options.onFatal(new HoldfastError('internal', `the kernel refused an answer of ${bytes} bytes (errno ${failed})`, { code: 'fuse-answer-refused' }));
  }
}

// Stands where a Channel would: requests are put into slots by hand, answers are collected and checked as the kernel would.
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../../src/base/clock.js';
import { silentLogger } from '../../../src/base/logger.js';
import type { FileSystem } from '../../../src/filesystem/contract.js';
import { type AnswerPort, Dispatcher } from '../../../src/fuse/dispatcher.js';
import type { Negotiation } from '../../../src/fuse/negotiation.js';
import { defaultFuseSettings, type FuseSettings } from '../../../src/fuse/settings.js';

const slotBytes = (1 << 20) + 4096;

export interface Answer {
  readonly unique: number;
  /** 0 or a positive errno. */
  readonly errno: number;
  readonly body: Buffer;
  readonly whole: Buffer;
}

export class FakePort implements AnswerPort {
  readonly requests: Buffer;
  readonly replyArea = Buffer.alloc(slotBytes, 0xee);
  readonly answers: Answer[] = [];
  readonly released: number[] = [];
  /** What the next replies return. */
  failures: number[] = [];

  constructor(slotCount: number) {
    this.requests = Buffer.alloc(slotCount * slotBytes);
  }

  reply(length: number, data?: Uint8Array): number {
    const failure = this.failures.shift();
    if (failure !== undefined) return failure;
    const whole = Buffer.concat([this.replyArea.subarray(0, length), data ?? Buffer.alloc(0)]);
    // fuse_dev_do_write(): the length must be exact, errors lie in (-512, 0], and an error carries no body.
    assert.equal(whole.readUInt32LE(0), whole.length);
    const error = whole.readInt32LE(4);
    assert.ok(error <= 0 && error > -512, `error ${error}`);
    if (error !== 0) assert.equal(whole.length, 16);
    this.answers.push({ unique: Number(whole.readBigUInt64LE(8)), errno: Math.abs(error), body: whole.subarray(16), whole });
    return 0;
  }

  release(slot: number): void {
    assert.ok(!this.released.includes(slot), `slot ${slot} was given back twice`);
    this.released.push(slot);
  }
}

/** Time that stands still until a test moves it. */
export class HandClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; action: () => void }[] = [];

  now(): { sec: number; nsec: number } {
    return { sec: Math.floor(this.#nowMs / 1000), nsec: 0 };
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, action };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  turn(): Promise<void> {
    return nextTurn();
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
    for (const timer of due) timer.action();
  }
}

export interface Bench {
  readonly port: FakePort;
  readonly dispatcher: Dispatcher;
  readonly clock: HandClock;
  readonly fatal: unknown[];
  readonly negotiations: Negotiation[];
  /** Callers that are dying. */
  readonly dying: Set<number>;
  /** Hands a request over in slot 0 (or the given one). True: the slot is kept. */
  send(request: Buffer, slot?: number): boolean;
  /** The one answer that came since the last call. */
  answer(): Answer;
}

export function bench(fileSystem: FileSystem, settings: Partial<FuseSettings> = {}): Bench {
  const port = new FakePort(4);
  const clock = new HandClock();
  const fatal: unknown[] = [];
  const negotiations: Negotiation[] = [];
  const dying = new Set<number>();
  const dispatcher = new Dispatcher(port, {
    fileSystem,
    settings: { ...defaultFuseSettings, ...settings },
    clock,
    logger: silentLogger,
    onFatal: (error) => fatal.push(error),
    onInit: (result) => negotiations.push(result),
    isDying: (pid) => Promise.resolve(dying.has(pid)),
  });
  return {
    port,
    dispatcher,
    clock,
    fatal,
    negotiations,
    dying,
    send(request, slot = 0) {
      const offset = slot * slotBytes + 4016;
      request.copy(port.requests, offset);
      return dispatcher.request(slot, offset, request.length);
    },
    answer() {
      assert.equal(port.answers.length, 1, 'exactly one answer');
      return port.answers.pop() as Answer; // there is one
    },
  };
}

export interface RequestFields {
  readonly opcode: number;
  readonly node?: number;
  readonly unique?: number;
  readonly pid?: number;
  readonly body?: Buffer;
}

export function request({ opcode, node = 1, unique = 2, pid = 100, body = Buffer.alloc(0) }: RequestFields): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40 + body.length, 0);
  header.writeUInt32LE(opcode, 4);
  header.writeBigUInt64LE(BigInt(unique), 8);
  header.writeBigUInt64LE(BigInt(node), 16);
  header.writeUInt32LE(pid, 32);
  return Buffer.concat([header, body]);
}

/** A promise and its end, for things that wait. */
export class Gate {
  open: () => void = () => {};
  fail: (error: Error) => void = () => {};
  readonly promise = new Promise<void>((settle, fail) => {
    this.open = settle;
    this.fail = fail;
  });
}

export const errno = constants.errno;

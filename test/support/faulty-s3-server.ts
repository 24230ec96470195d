// A loopback HTTP server in front of a real S3, or of any object store, that fails as S3 stores do: for the failure drills.
// Requests pass through unchanged (the signature covers the Host header, which stays), unless `fault` says otherwise.
// `FaultyS3Server.start(target)`, then set `fault`; `requests` tells what came.
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ObjectStore } from '../../src/objectstore/object-store.js';
import { errorReply, type S3Reply, type S3Request, SmallS3, s3Request } from './small-s3-server.js';

export type S3Fault =
  | 'internal-error' // 500, nothing done
  | 'busy' // 503 SlowDown, nothing done
  | 'credentials' // 403 InvalidAccessKeyId
  | 'full' // 507
  | 'drop' // the connection breaks, nothing done
  | 'lost-reply' // done, then the connection breaks
  | 'hang' // never answered
  | 'no-s3' // 200 with a web page
  | 'truncate' // done; the reply ends in the middle
  | 'damage-upload' // a byte is changed on the way in
  | { readonly slowMs: number };

export class FaultyS3Server {
  readonly endpoint: string;
  /** Asked for every request. Assign to change what goes wrong from now on. */
  fault: (request: S3Request) => S3Fault | null = () => null;
  readonly requests: { readonly method: string; readonly key: string }[] = [];
  /** Requests that were carried out at the same time, at most. */
  concurrencySeen = 0;
  readonly small: SmallS3 | null;
  readonly #server: Server;
  readonly #target: string | SmallS3;
  #running = 0;

  private constructor(server: Server, target: string | SmallS3, port: number) {
    this.#server = server;
    this.#target = target;
    this.small = typeof target === 'string' ? null : target;
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  /** `target`: endpoint of a real S3, or the store to answer from. */
  static async start(target: string | ObjectStore): Promise<FaultyS3Server> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const self = new FaultyS3Server(server, typeof target === 'string' ? target : new SmallS3(target), (server.address() as AddressInfo).port); // a TCP server has one
    server.on('request', (incoming, outgoing) => {
      self.#serve(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : new Error(String(error))));
    });
    return self;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const received = await bodyOf(incoming);
    const request = s3Request(incoming.method ?? '', incoming.url ?? '', incoming.headers, received);
    this.requests.push({ method: request.method, key: request.key });
    const fault = this.fault(request);
    if (typeof fault === 'object' && fault !== null) await new Promise((resolve) => setTimeout(resolve, fault.slowMs));
    switch (fault) {
      case 'internal-error':
        return send(outgoing, errorReply(500, 'InternalError', 'injected'));
      case 'busy':
        return send(outgoing, errorReply(503, 'SlowDown', 'injected'));
      case 'credentials':
        return send(outgoing, errorReply(403, 'InvalidAccessKeyId', 'injected'));
      case 'full':
        return send(outgoing, errorReply(507, 'InsufficientStorage', 'injected'));
      case 'no-s3':
        return send(outgoing, { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>log in</html>') });
      case 'drop':
        outgoing.destroy();
        return;
      case 'hang':
        return;
      default:
    }
    if (fault === 'damage-upload' && request.body.length > 0) request.body[0] = (request.body[0] ?? 0) ^ 1;
    this.concurrencySeen = Math.max(this.concurrencySeen, ++this.#running);
    const reply = await (typeof this.#target === 'string' ? forward(this.#target, incoming, request.body) : this.#target.answer(request)).finally(() => this.#running--);
    if (fault === 'lost-reply') outgoing.destroy();
    else if (fault === 'truncate') truncated(outgoing, reply);
    else send(outgoing, reply);
  }
}

async function bodyOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

function send(outgoing: ServerResponse, { status, headers, body }: S3Reply): void {
  outgoing.writeHead(status, { 'content-length': String(body.length), ...headers });
  outgoing.end(body);
}

function truncated(outgoing: ServerResponse, { status, headers, body }: S3Reply): void {
  outgoing.writeHead(status, { 'content-length': String(body.length), ...headers });
  outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy());
}

async function forward(endpoint: string, incoming: IncomingMessage, body: Buffer): Promise<S3Reply> {
  const { hostname, port } = new URL(endpoint);
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  const headers = Object.fromEntries(Object.entries(reply.headers).flatMap(([name, value]) => (value === undefined || name === 'transfer-encoding' ? [] : [[name, String(value)]])));
  return { status: reply.statusCode ?? 500, headers, body: await bodyOf(reply) };
}

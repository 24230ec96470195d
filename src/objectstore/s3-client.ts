// The SDK's client as we want it: one try a call, bounded connections, given up when nothing moves, no work of its own on the bytes.
import { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../base/clock.js';
import { digest } from './s3-proof.js';
import type { ResolvedS3Settings } from './s3-settings.js';

export function makeS3Client(settings: ResolvedS3Settings, clock: Clock): S3Client {
  const agent = { keepAlive: true, maxSockets: settings.socketsMax };
  const region = settings.region ?? (settings.endpoint === undefined ? undefined : 'us-east-1');
  const client = new S3Client({
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(settings.profile === undefined ? {} : { profile: settings.profile }),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    forcePathStyle: settings.pathStyle ?? settings.endpoint !== undefined,
    maxAttempts: 1,
    followRegionRedirects: false,
    requestChecksumCalculation: settings.checksum === 'md5' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: settings.connectTimeoutMs,
      socketTimeout: settings.idleTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  const plain = settings.endpoint?.startsWith('http:') === true;
  client.middlewareStack.add(
    (next) => async (args) => {
      const request = args.request as { body?: unknown; headers: Record<string, string> }; // at this step it is an HTTP request
      if (Buffer.isBuffer(request.body)) request.headers['x-amz-content-sha256'] = await payloadHash(request.body, plain, clock);
      return next(args);
    },
    { step: 'build', name: 'payloadHash' },
  );
  return client;
}

/** What the signature covers. The SDK would hash the whole body in one turn of the event loop; TLS protects the body anyway. */
async function payloadHash(body: Buffer, plain: boolean, clock: Clock): Promise<string> {
  return plain ? (await digest('sha256', body, clock)).toString('hex') : 'UNSIGNED-PAYLOAD';
}

// What one can say about an S3-compatible store. Credentials never stand here unless a test gives them:
// they come from the SDK's usual chain (environment, ~/.aws, instance role).

export interface S3Settings {
  /** URL of the store; absent: AWS, by region. */
  readonly endpoint?: string | null | undefined;
  readonly region?: string | null | undefined;
  /** https://host/bucket/key instead of https://bucket.host/key. Default: true when an endpoint is given. */
  readonly pathStyle?: boolean | undefined;
  /** Profile in the AWS configuration files. */
  readonly profile?: string | null | undefined;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string } | undefined;
  /** How the store checks what arrives: CRC32C (default), or MD5 for stores that know no other. */
  readonly checksum?: 'crc32c' | 'md5' | undefined;
  /** A request on which no byte moved for this long is given up. */
  readonly idleTimeoutMs?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** Open connections to the store. */
  readonly socketsMax?: number | undefined;
  /** Objects from this size on go in parts. At least 5 MiB by S3's rules. */
  readonly multipartFromBytes?: number | undefined;
  readonly partBytes?: number | undefined;
}

const MiB = 1024 * 1024;

export const s3Defaults = {
  checksum: 'crc32c',
  idleTimeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  socketsMax: 16,
  multipartFromBytes: 64 * MiB,
  partBytes: 16 * MiB,
} as const satisfies S3Settings;

/** The settings with every default filled in. */
export type ResolvedS3Settings = { readonly [Name in 'endpoint' | 'region' | 'profile']: string | undefined } & Pick<S3Settings, 'credentials' | 'pathStyle'> & {
    readonly [Name in keyof typeof s3Defaults]: NonNullable<S3Settings[Name]>;
  };

export function resolveS3Settings(settings: S3Settings): ResolvedS3Settings {
  return {
    endpoint: settings.endpoint ?? undefined,
    region: settings.region ?? undefined,
    profile: settings.profile ?? undefined,
    credentials: settings.credentials,
    pathStyle: settings.pathStyle,
    checksum: settings.checksum ?? s3Defaults.checksum,
    idleTimeoutMs: settings.idleTimeoutMs ?? s3Defaults.idleTimeoutMs,
    connectTimeoutMs: settings.connectTimeoutMs ?? s3Defaults.connectTimeoutMs,
    socketsMax: settings.socketsMax ?? s3Defaults.socketsMax,
    multipartFromBytes: settings.multipartFromBytes ?? s3Defaults.multipartFromBytes,
    partBytes: settings.partBytes ?? s3Defaults.partBytes,
  };
}

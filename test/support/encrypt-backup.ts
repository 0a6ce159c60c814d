import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createDeflate, deflateSync } from 'node:zlib';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * What an encrypted backup is made of. Everything but the IV has a fixed default, so equal options give equal bytes.
 */
export interface EncryptOptions {
  kind: 'crypt15' | 'crypt14' | 'crypt12';
  /** 32 bytes: the root key (the 64 digits) of a crypt15 file, the AES key of the others. */
  key: Uint8Array;
  /** 16 bytes; random when absent. */
  iv?: Uint8Array;
  /** False leaves the MD5 out, as chunked backups do. Default true. */
  md5?: boolean;
  /** False encrypts the bytes as they are. Default true. */
  deflate?: boolean;
  /** zlib's level, 6 by default. Phones used 1 (`78 01`) in 2022 and 9 (`78 da`) in 2026. */
  level?: number;
  header?: HeaderOptions;
}

/** What a crypt15 or crypt14 header says; crypt12 uses only `jidSuffix` and the facts of the key file. */
export interface HeaderOptions extends Partial<KeyFileFacts> {
  /** `key_type_new`: 2 password, 3 64-digit key, 4 passkey. Absent by default, as until 2025. */
  keyType?: number;
  jidSuffix?: string;
  appVersion?: string;
  /** Adds `passkey_encryption_metadata`, which makes the header longer than 500 bytes. */
  passkey?: boolean;
  /** Adds an unknown field of this many bytes. */
  extraBytes?: number;
  /** Leaves `backup_metadata` out: the header is shorter than 128 bytes. */
  noMetadata?: boolean;
  /** Adds `backup_encrypted_hash`, which every backup but that of msgstore.db has. */
  otherDatabase?: boolean;
}

/** What a `key` file and the header of a file that it opens have in common. */
export interface KeyFileFacts {
  /** 1–3. */
  keyVersion: number;
  /** 32 bytes. */
  serverSalt: Uint8Array;
  /** 16 bytes. */
  googleId: Uint8Array;
}

/**
 * The facts that `encryptBackup` and `serialiseKeyFile` use when none are given, so that their results fit together.
 */
export const defaultKeyFacts: KeyFileFacts = {
  keyVersion: 2,
  serverSalt: createHash('sha256').update('server salt').digest(),
  googleId: createHash('md5').update('google id').digest(),
};

/** Encrypts a database (or anything else) as a phone would. */
export function encryptBackup(plain: Uint8Array, options: EncryptOptions): Buffer {
  const payload = options.deflate === false ? plain : deflateSync(plain, { level: options.level ?? 6 });
  const { header, cipher } = start(options);
  const sealed = Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  const md5 = options.md5 === false ? [] : [createHash('md5').update(sealed).digest()];
  return Buffer.concat([sealed, ...md5, suffix(options)]);
}

/** Like `encryptBackup`, from file to file in constant memory. `targetPath` is overwritten. */
export async function encryptBackupFile(plainPath: string, targetPath: string, options: EncryptOptions): Promise<void> {
  const { header, cipher } = start(options);
  const md5 = createHash('md5');
  const target = await open(targetPath, 'w', 0o600);
  const append = async (bytes: Uint8Array) => {
    md5.update(bytes);
    await target.writeFile(bytes);
  };
  try {
    await append(header);
    const chunkSize = 1 << 20;
    const plain = createReadStream(plainPath, { highWaterMark: chunkSize });
    const payload =
      options.deflate === false ? plain : plain.compose(createDeflate({ level: options.level ?? 6, chunkSize }));
    for await (const chunk of payload) await append(cipher.update(chunk));
    cipher.final();
    await append(cipher.getAuthTag());
    if (options.md5 !== false) await target.writeFile(md5.digest());
    await target.writeFile(suffix(options));
  } finally {
    await target.close();
  }
}

/** The 59 bytes of `encrypted_backup.key`: a Java-serialised `byte[32]` that holds the root key. */
export function serialiseRootKeyFile(root: Uint8Array): Buffer {
  return serialiseJavaBytes(root);
}

/** The 158 bytes of `key`: a Java-serialised `byte[131]` with the AES key of crypt14 and crypt12 files. */
export function serialiseKeyFile(key: Uint8Array, facts: Partial<KeyFileFacts> = {}): Buffer {
  const { keyVersion, serverSalt, googleId } = { ...defaultKeyFacts, ...facts };
  const idHash = createHash('sha256').update(googleId).digest();
  const versions = Buffer.from([0, 1, keyVersion]);
  return serialiseJavaBytes(Buffer.concat([versions, serverSalt, googleId, idHash, Buffer.alloc(16), key]));
}

function serialiseJavaBytes(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([Buffer.from('aced0005757200025b42acf317f8060854e00200007870', 'hex'), length, bytes]);
}

function start(options: EncryptOptions) {
  const iv = options.iv ?? randomBytes(16);
  const facts = { ...defaultKeyFacts, ...options.header };
  const fileKey =
    options.kind === 'crypt15'
      ? new Uint8Array(hkdfSync('sha256', options.key, '', 'backup encryption', 32))
      : options.key;
  const header =
    options.kind === 'crypt12'
      ? Buffer.concat([Buffer.from([0, 1, facts.keyVersion]), facts.serverSalt, facts.googleId, iv])
      : prefixHeader(options.kind, iv, facts, options.header ?? {});
  return { header, cipher: createCipheriv('aes-256-gcm', fileKey, iv, { authTagLength: 16 }) };
}

function prefixHeader(kind: 'crypt15' | 'crypt14', iv: Uint8Array, facts: KeyFileFacts, header: HeaderOptions): Buffer {
  const prefix = new BinaryWriter();
  prefix.tag(1, WireType.Varint).int32(kind === 'crypt15' ? 1 : 0);
  if (kind === 'crypt15') {
    prefix
      .tag(3, WireType.LengthDelimited)
      .bytes(new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(iv).finish());
  } else {
    const provided = new BinaryWriter();
    provided.tag(1, WireType.LengthDelimited).bytes(Buffer.from([0, 1]));
    provided.tag(2, WireType.LengthDelimited).string(String(facts.keyVersion));
    provided.tag(3, WireType.LengthDelimited).bytes(facts.serverSalt);
    provided.tag(4, WireType.LengthDelimited).bytes(facts.googleId);
    provided.tag(5, WireType.LengthDelimited).bytes(iv);
    prefix.tag(2, WireType.LengthDelimited).bytes(provided.finish());
  }
  if (!header.noMetadata) prefix.tag(4, WireType.LengthDelimited).bytes(metadata(header));
  if (header.passkey) prefix.tag(5, WireType.LengthDelimited).bytes(passkeyMetadata());
  if (header.keyType !== undefined) prefix.tag(6, WireType.Varint).int32(header.keyType);
  if (header.extraBytes !== undefined) {
    prefix.tag(200, WireType.LengthDelimited).bytes(new Uint8Array(header.extraBytes));
  }
  const body = prefix.finish();
  return Buffer.concat([new BinaryWriter().uint32(body.length).finish(), body]);
}

function metadata(header: HeaderOptions): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(header.appVersion ?? '2.26.34.7');
  writer.tag(2, WireType.LengthDelimited).string('Pixel 9');
  writer.tag(3, WireType.LengthDelimited).string(header.jidSuffix ?? '42');
  writer.tag(4, WireType.Varint).int32(1);
  // The `<x>_migration_finished` flags; 38 is a size, 40 and 41 are never in a backup of msgstore.db.
  for (let flag = 5; flag <= 39; flag++) if (flag !== 38) writer.tag(flag, WireType.Varint).bool(true);
  if (header.otherDatabase) {
    writer.tag(40, WireType.LengthDelimited).bytes(new Uint8Array(16));
    writer.tag(41, WireType.LengthDelimited).bytes(new Uint8Array(32));
  }
  return writer.finish();
}

function passkeyMetadata(): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).bytes(new Uint8Array(300));
  writer.tag(4, WireType.Varint).int32(1);
  for (const field of [5, 6, 7]) writer.tag(field, WireType.LengthDelimited).bytes(new Uint8Array(64));
  return writer.finish();
}

function suffix(options: EncryptOptions): Buffer {
  return Buffer.from(options.kind === 'crypt12' ? `--${options.header?.jidSuffix ?? '42'}` : '');
}

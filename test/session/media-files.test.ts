import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/fault.js';
import { MediaFailure } from '../../src/domain/media-failure.js';
import { MediaFiles, type MediaLimits } from '../../src/session/media/media-files.js';
import { isMediaId, type MediaId } from '../../src/session/media/media-id.js';

const DAY_MS = 24 * 3600_000;
const limits: MediaLimits = { quotaBytes: 10_000, retentionMs: 7 * DAY_MS, minFreeBytes: 0 };

let directory: string;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-media-'));
  nowMs = 1_700_000_000_000;
});
afterEach(() => rm(directory, { recursive: true }));

const open = (changed: Partial<MediaLimits> = {}): MediaFiles =>
  new MediaFiles(directory, { ...limits, ...changed }, () => nowMs);

function idOf(bytes: Buffer): MediaId {
  const name = createHash('sha256').update(bytes).digest('hex');
  if (!isMediaId(name)) throw new Error(name);
  return name;
}

async function* inParts(...parts: (Buffer | Error)[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) {
    await Promise.resolve();
    if (part instanceof Error) throw part;
    yield part;
  }
}

/** Writes some random bytes a second after what was written before. */
async function add(files: MediaFiles, size: number): Promise<MediaId> {
  const bytes = randomBytes(size);
  nowMs += 1000;
  await files.write(idOf(bytes), size, inParts(bytes));
  return idOf(bytes);
}

async function read(files: MediaFiles, id: MediaId): Promise<Buffer | undefined> {
  const file = await files.open(id);
  if (file === undefined) return undefined;
  const buffer = Buffer.alloc(file.sizeBytes);
  expect(await file.read(buffer, 0)).toBe(file.sizeBytes);
  expect(await file.read(Buffer.alloc(1), file.sizeBytes)).toBe(0);
  await file.close();
  return buffer;
}

const names = (): Promise<string[]> => readdir(join(directory, 'media')).catch(() => []);
const reasonOf = (error: unknown): string => (error instanceof DomainError ? error.fault.reason : String(error));

describe('a file of a message', () => {
  it('is there when it is written, for its owner only, and after a restart', async () => {
    const bytes = randomBytes(3000);
    const id = idOf(bytes);
    expect(await open().open(id)).toBeUndefined();
    await open().write(id, 3000, inParts(bytes.subarray(0, 1000), bytes.subarray(1000)));
    expect(await read(open(), id)).toEqual(bytes);
    expect((await stat(join(directory, 'media', id))).mode & 0o777).toBe(0o600);
    expect(await open().has(id)).toBe(true);
  });

  it.each([
    ['has another hash', [randomBytes(10)], MediaFailure],
    ['breaks off', [randomBytes(10), new MediaFailure('unreachable')], MediaFailure],
    ['never begins', [new MediaFailure('dropped')], MediaFailure],
  ])('leaves nothing behind when it %s', async (_, parts, failure) => {
    const id = idOf(Buffer.from('what was announced'));
    await expect(open().write(id, 10, inParts(...parts))).rejects.toBeInstanceOf(failure);
    expect(await names()).toEqual([]);
  });

  it('whose hash was not stated is what came under its seal', async () => {
    const bytes = randomBytes(500);
    const id = `k${idOf(bytes)}`;
    if (!isMediaId(id)) throw new Error(id);
    await open().write(id, 0, inParts(bytes));
    const file = await open().open(id);
    expect(file?.sha256.toString('hex')).toBe(idOf(bytes));
    await file?.close();
  });

  it('that the disk has spoilt is found when it is read first, and removed', async () => {
    const files = open();
    const id = await add(files, 2000);
    const path = join(directory, 'media', id);
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0, 1000, 1001));
    expect(await read(open(), id)).toBeUndefined();
    expect(await names()).toEqual([]);
  });

  it('can be read to its end though it is removed meanwhile', async () => {
    const files = open();
    const id = await add(files, 9000);
    const file = await files.open(id);
    await add(files, 9000);
    expect(await files.has(id)).toBe(false);
    const buffer = Buffer.alloc(9000);
    expect(await file?.read(buffer, 0)).toBe(9000);
    expect(idOf(buffer)).toBe(id);
    await file?.close();
  });
});

describe('the quota', () => {
  it('removes what was read least recently', async () => {
    const files = open();
    const ids = [await add(files, 3000), await add(files, 3000), await add(files, 3000)];
    nowMs += 1000;
    await read(files, ids[0]!);
    const last = await add(files, 3000);
    expect((await names()).sort()).toEqual([ids[0]!, ids[2]!, last].sort());
  });

  it('holds across a restart', async () => {
    const first = await add(open(), 6000);
    const second = await add(open(), 6000);
    expect(await names()).toEqual([second]);
    expect(await open().has(first)).toBe(false);
  });

  it('refuses what is larger, whatever its sender stated', async () => {
    const files = open();
    const id = idOf(randomBytes(1));
    expect(await files.write(id, 10_001, inParts()).catch(reasonOf)).toBe('MEDIA_TOO_LARGE');
    const tooMuch = [randomBytes(6000), randomBytes(6000)];
    expect(await files.write(id, 5, inParts(...tooMuch)).catch(reasonOf)).toBe('MEDIA_TOO_LARGE');
    expect(await names()).toEqual([]);
    await add(files, 10_000);
    expect(await names()).toHaveLength(1);
  });

  it('counts downloads that are under way, which nothing can remove', async () => {
    const files = open();
    const bytes = randomBytes(6000);
    let other: unknown;
    async function* slow(): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes.subarray(0, 1000);
      other = await files.write(idOf(Buffer.alloc(1)), 6000, inParts()).catch(reasonOf);
      yield bytes.subarray(1000);
    }
    await files.write(idOf(bytes), 6000, slow());
    expect(other).toBe('MEDIA_QUOTA');
    // The room that a failed download was promised is free again.
    await add(files, 4000);
    expect(await names()).toHaveLength(2);
  });

  it('counts what is there when a spoilt file was removed during a download', async () => {
    const before = open();
    const first = await add(before, 5000);
    const spoilt = await add(before, 1000);
    await writeFile(join(directory, 'media', spoilt), 'noise');
    const files = open();
    const bytes = randomBytes(1000);
    async function* beside(): AsyncGenerator<Uint8Array, void, undefined> {
      expect(await files.open(spoilt)).toBeUndefined();
      yield bytes;
    }
    await files.write(idOf(bytes), 1000, beside());
    const last = await add(files, 5000);
    expect(await names()).not.toContain(first);
    expect((await names()).sort()).toEqual([idOf(bytes), last].sort());
  });

  it('leaves the disk what has to stay free', async () => {
    const files = open({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    const written = files.write(idOf(Buffer.alloc(1)), 1, inParts(Buffer.alloc(1)));
    expect(await written.catch(reasonOf)).toBe('STORAGE_FULL');
    expect(await names()).toEqual([]);
  });
});

describe('retention', () => {
  it('removes what nobody has read for its time, and nothing else', async () => {
    const files = open();
    const old = await add(files, 1000);
    const read1 = await add(files, 1000);
    nowMs += 6 * DAY_MS;
    await read(files, read1);
    const young = await add(files, 1000);
    await files.sweep();
    expect((await names()).sort()).toEqual([old, read1, young].sort());
    nowMs += 2 * DAY_MS;
    await files.sweep();
    expect((await names()).sort()).toEqual([read1, young].sort());
    nowMs += 6 * DAY_MS;
    await open().sweep();
    expect(await names()).toEqual([]);
  });

  it('gives back the room of what it removed', async () => {
    const files = open();
    await add(files, 9000);
    nowMs += 8 * DAY_MS;
    await files.sweep();
    const ids = [await add(files, 5000), await add(files, 5000)];
    expect((await names()).sort()).toEqual(ids.sort());
  });

  it('of 0 keeps everything', async () => {
    const files = open({ retentionMs: 0 });
    const id = await add(files, 1000);
    nowMs += 10_000 * DAY_MS;
    await files.sweep();
    expect(await names()).toEqual([id]);
  });

  it('removes what a crash left of downloads, and only that', async () => {
    const id = await add(open(), 1000);
    await writeFile(join(directory, 'media', `${id}.0.part`), 'half');
    await writeFile(join(directory, 'media', 'cursor'), '7 0\n');
    await MediaFiles.removeParts(directory);
    expect((await names()).sort()).toEqual(['cursor', id].sort());
    await MediaFiles.removeParts(join(directory, 'no-such-session'));
  });
});

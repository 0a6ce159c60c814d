import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DomainError, type Fault } from '../../src/domain/fault.js';
import { MediaFailure } from '../../src/domain/media-failure.js';
import { Turns } from '../../src/session/turns.js';
import type { MediaLink, MediaMessage, ReuploadAnswer } from '../../src/session/link/link-media.js';
import { MediaDownloads } from '../../src/session/media/media-downloads.js';
import { MediaFiles } from '../../src/session/media/media-files.js';
import { isMediaId, type WantedMedia } from '../../src/session/media/media-id.js';

const forever = new AbortController().signal;

/** A download that a test plays. */
class FakeDownload {
  readonly signal: AbortSignal;
  readonly place: string;
  #settle: (end: Buffer | Error) => void = () => undefined;
  readonly end = new Promise<Buffer | Error>((resolve) => {
    this.#settle = resolve;
  });

  constructor(place: string, signal: AbortSignal) {
    this.place = place;
    this.signal = signal;
    signal.addEventListener('abort', () => this.finish(new Error('aborted')));
  }

  finish(end: Buffer | Error): void {
    this.#settle(end);
  }
}

let directory: string;
let files: MediaFiles;
let downloads: MediaDownloads;
let started: FakeDownload[];
let asked: MediaMessage[];
let answers: ReuploadAnswer[];
let connected: boolean;
let waiting: (() => void)[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-media-'));
  files = new MediaFiles(directory, { quotaBytes: 1e9, retentionMs: 0, minFreeBytes: 0 }, Date.now);
  started = [];
  asked = [];
  answers = [];
  connected = true;
  waiting = [];
  downloads = new MediaDownloads({
    files,
    link: () => {
      if (connected) return link;
      throw new DomainError({ reason: 'MEDIA_NOT_AVAILABLE', sessionId: 's', linkState: 'backing-off' });
    },
    namesOf: (message) => Promise.resolve([message, { ...message, chatJid: '9@lid' }]),
    turns: [new Turns(2)],
  });
});
afterEach(async () => {
  await downloads.close();
  await rm(directory, { recursive: true });
});

const link: MediaLink = {
  async *download({ directPath }, signal) {
    const download = new FakeDownload(directPath, signal);
    started.push(download);
    for (const wake of waiting.splice(0)) wake();
    const end = await download.end;
    if (end instanceof Error) throw end;
    yield end;
  },
  askPhone: (message) => {
    asked.push(message);
    return Promise.resolve(answers.shift() ?? { answer: 'silent' });
  },
};

/** The download that is started as the nth, from 1. */
async function nth(number: number): Promise<FakeDownload> {
  for (;;) {
    const download = started[number - 1];
    if (download !== undefined) return download;
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}

/** The download from a place, as soon as it is started. */
async function from(place: string): Promise<FakeDownload> {
  for (let number = 1; ; number++) {
    const download = await nth(number);
    if (download.place === place) return download;
  }
}

function aFile(directPath = '/first'): { bytes: Buffer; wanted: WantedMedia } {
  const bytes = randomBytes(1000);
  const id = createHash('sha256').update(bytes).digest('hex');
  if (!isMediaId(id)) throw new Error(id);
  const source = {
    kind: 'image' as const,
    directPath,
    url: '',
    mediaKey: randomBytes(32),
    encryptedSha256: new Uint8Array(),
  };
  const message = { chatJid: '1@s.whatsapp.net', senderJid: '', fromMe: false, messageId: 'M' };
  return { bytes, wanted: { id, sizeBytes: 1000, mimeType: '', fileName: '', source, message } };
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DomainError) return error.fault;
  throw error;
}

const dropped = (): MediaFailure => new MediaFailure('dropped', 404);

describe('a download', () => {
  it('is one for all who want the file', async () => {
    const { bytes, wanted } = aFile();
    const all = [downloads.fetch(wanted, forever), downloads.fetch(wanted, forever)];
    (await nth(1)).finish(bytes);
    await Promise.all(all);
    expect(started).toHaveLength(1);
    expect(await files.has(wanted.id)).toBe(true);
  });

  it('goes on while somebody waits for it, and ends when nobody does', async () => {
    const { wanted } = aFile();
    const [one, two] = [new AbortController(), new AbortController()];
    const all = [downloads.fetch(wanted, one.signal), downloads.fetch(wanted, two.signal)];
    const ends = all.map((fetching) => fetching.catch((error: unknown) => error));
    const { signal } = await nth(1);
    one.abort(new Error('left'));
    expect(await ends[0]).toEqual(new Error('left'));
    expect(signal.aborted).toBe(false);
    two.abort(new Error('left too'));
    expect(await ends[1]).toEqual(new Error('left too'));
    expect(signal.aborted).toBe(true);
  });

  it('begins anew for whoever comes while the one before is ending', async () => {
    const { bytes, wanted } = aFile();
    const left = new AbortController();
    const first = downloads.fetch(wanted, left.signal).catch(() => undefined);
    await nth(1);
    left.abort();
    await first;
    const second = downloads.fetch(wanted, forever);
    (await nth(2)).finish(bytes);
    await second;
    expect(await readdir(join(directory, 'media'))).toEqual([wanted.id]);
  });

  it('waits for its turn, and gives it up when nobody wants it any more', async () => {
    const wanted = ['/1', '/2', '/3', '/4'].map((place) => aFile(place));
    const left = new AbortController();
    const [first, second, third, fourth] = wanted.map(({ wanted: file }, at) =>
      downloads.fetch(file, at === 2 ? left.signal : forever),
    );
    const ended = third?.catch(() => 'left');
    await nth(2);
    left.abort();
    expect(await ended).toBe('left');
    expect(started).toHaveLength(2);
    // Which of two begins first is up to the disk.
    (await from('/1')).finish(wanted[0]!.bytes);
    (await from('/4')).finish(wanted[3]!.bytes);
    (await from('/2')).finish(wanted[1]!.bytes);
    await Promise.all([first, second, fourth]);
    expect(started).toHaveLength(3);
  });

  it('is tried again when it breaks, three times in all', async () => {
    const { wanted } = aFile();
    const fetching = faultOf(downloads.fetch(wanted, forever));
    for (const number of [1, 2, 3]) (await nth(number)).finish(new MediaFailure('unreachable', 500 + number));
    expect(await fetching).toEqual({ reason: 'MEDIA_UNREACHABLE', code: 503 });
    expect(started).toHaveLength(3);
  });

  it('ends when the link is lost in the middle', async () => {
    const { wanted } = aFile();
    const fetching = faultOf(downloads.fetch(wanted, forever));
    const download = await nth(1);
    connected = false;
    download.finish(new MediaFailure('unreachable'));
    expect(await fetching).toMatchObject({ reason: 'MEDIA_NOT_AVAILABLE', linkState: 'backing-off' });
  });

  it('ends with the daemon, and none begins after that', async () => {
    const { wanted } = aFile();
    const fetching = faultOf(downloads.fetch(wanted, forever));
    await nth(1);
    await downloads.close();
    expect(await fetching).toEqual({ reason: 'SHUTTING_DOWN' });
    expect(await faultOf(downloads.fetch(wanted, forever))).toEqual({ reason: 'SHUTTING_DOWN' });
    expect(await readdir(join(directory, 'media'))).toEqual([]);
  });
});

describe('a file that was dropped', () => {
  it('is fetched from where the phone has put it, also the next time', async () => {
    const { bytes, wanted } = aFile();
    answers = [{ answer: 'not-found' }, { answer: 'uploaded', directPath: '/second' }];
    const fetching = downloads.fetch(wanted, forever);
    (await nth(1)).finish(dropped());
    (await nth(2)).finish(bytes);
    await fetching;
    expect(asked.map(({ chatJid }) => chatJid)).toEqual(['1@s.whatsapp.net', '9@lid']);
    await rm(join(directory, 'media', wanted.id));
    const again = downloads.fetch(wanted, forever);
    (await nth(3)).finish(bytes);
    await again;
    expect(started.map(({ place }) => place)).toEqual(['/first', '/second', '/second']);
  });

  it('is gone when no phone has it, does not answer, or has it and it is gone again', async () => {
    const { wanted } = aFile();
    const cases: [ReuploadAnswer[], boolean][] = [
      [[{ answer: 'not-found' }, { answer: 'not-found' }], true],
      [[{ answer: 'silent' }], false],
      [[{ answer: 'uploaded', directPath: '/second' }], true],
    ];
    for (const [script, phoneAnswered] of cases) {
      answers = [...script];
      const before = started.length;
      const fetching = faultOf(downloads.fetch(wanted, forever));
      (await nth(before + 1)).finish(dropped());
      if (script[0]?.answer === 'uploaded') (await nth(before + 2)).finish(dropped());
      expect(await fetching).toEqual({ reason: 'MEDIA_GONE', phoneAnswered });
    }
  });

  it('of a channel is asked of no phone', async () => {
    const { wanted } = aFile();
    const open = { ...wanted, source: { ...wanted.source, mediaKey: new Uint8Array() } };
    const fetching = faultOf(downloads.fetch(open, forever));
    (await nth(1)).finish(dropped());
    expect(await fetching).toEqual({ reason: 'MEDIA_GONE', phoneAnswered: true });
    expect(asked).toEqual([]);
  });
});

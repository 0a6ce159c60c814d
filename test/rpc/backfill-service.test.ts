import http2 from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackfillState, UploadBackupRequestSchema } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { toStatus } from '../../src/rpc/status.js';
import type { Door } from '../support/door.js';
import { openDoor, until } from '../support/door.js';
import { uploadThenSilence } from '../support/silent-upload.js';

let door: Door;
beforeEach(async () => {
  door = await openDoor();
  door.memory.history('s');
});
afterEach(() => door.stop());

const upload = { case: 'upload', value: { totalSize: 10n, fileName: 'msgstore.db.crypt15' } } as const;

async function newBackfill(): Promise<string> {
  const { backfill } = await door.backfills.createBackfill({ sessionId: 's', source: upload });
  return backfill?.backfillId ?? '';
}

describe('CreateBackfill', () => {
  it('hands over the key as bytes, in either form', async () => {
    const digits = { form: { case: 'digits', value: 'AB 12' } } as const;
    const file = { form: { case: 'file', value: Uint8Array.of(1, 2, 3) } } as const;
    await door.backfills.createBackfill({ sessionId: 's', source: upload, key: digits });
    await door.backfills.createBackfill({ sessionId: 's', source: upload, key: file });
    await door.backfills.createBackfill({ sessionId: 's', source: upload, key: {} });
    expect(door.memory.keys).toEqual([Uint8Array.from(Buffer.from('AB 12')), Uint8Array.of(1, 2, 3), undefined]);
  });

  it('asks for older messages of one chat or of all, up to a time and a number', async () => {
    const untilTime = { seconds: 1_700_000_000n, nanos: 1 };
    const value = { chat: '+49 170 1234567', untilTime, maxMessages: 500 };
    for (const asked of [value, {}]) {
      await door.backfills.createBackfill({ sessionId: 's', source: { case: 'olderMessages', value: asked } });
    }
    expect(door.memory.sources).toEqual([
      { kind: 'older-messages', chat: value.chat, untilMs: 1_700_000_000_001, maxMessages: 500 },
      { kind: 'older-messages', chat: '', untilMs: 0, maxMessages: 0 },
    ]);
  });

  it('names the field of a wrong request', async () => {
    const drop = (fileName: string) => ({ case: 'drop', value: { fileName } }) as const;
    const file = { form: { case: 'file', value: new Uint8Array(4_097) } } as const;
    const wrong = [
      ['session_id', { source: upload }],
      ['source', { sessionId: 's' }],
      ['upload.total_size', { sessionId: 's', source: { case: 'upload', value: {} } }],
      ['upload.total_size', { sessionId: 's', source: { case: 'upload', value: { totalSize: 2n ** 60n } } }],
      [
        'upload.file_name',
        { sessionId: 's', source: { case: 'upload', value: { totalSize: 1n, fileName: 'x'.repeat(256) } } },
      ],
      ['older_messages.chat', { sessionId: 's', source: { case: 'olderMessages', value: { chat: 'x'.repeat(257) } } }],
      [
        'older_messages.until_time',
        { sessionId: 's', source: { case: 'olderMessages', value: { untilTime: { nanos: -1 } } } },
      ],
      ['request_id', { sessionId: 's', source: upload, requestId: 'x'.repeat(129) }],
      ['key.file', { sessionId: 's', source: upload, key: file }],
      ...['', '.', '..', '../a', '/etc/passwd', 'a\0b', 'a\\b'].map(
        (name) => ['drop.file_name', { sessionId: 's', source: drop(name) }] as const,
      ),
    ] as const;
    for (const [field, request] of wrong) {
      const refused = { code: status.INVALID_ARGUMENT, metadata: { field } };
      await expect(door.backfills.createBackfill(request), JSON.stringify(field)).rejects.toMatchObject(refused);
    }
    expect(door.memory.keys).toEqual([]);
  });
});

describe('UploadBackup', () => {
  it('writes the chunks where they belong and says what is durable', async () => {
    const backfillId = await newBackfill();
    const answer = await door.backfills.uploadBackup(
      chunks({ backfillId, data: Buffer.from('01234') }, { writeOffset: 5n, data: Buffer.from('56789') }),
    );
    expect(answer).toMatchObject({ committedSize: 10n, backfill: { backfillId, committedSize: 10n } });
    expect(door.memory.uploads.get(backfillId)?.toString()).toBe('0123456789');
    expect(door.memory.openUploads).toBe(0);
  });

  it('goes on where an earlier call ended', async () => {
    const backfillId = await newBackfill();
    const first = await door.backfills.uploadBackup(chunks({ backfillId, data: Buffer.from('0123') }));
    expect(first.committedSize).toBe(4n);
    await door.backfills.uploadBackup(chunks({ backfillId, writeOffset: 4n, data: Buffer.from('456789') }));
    expect(door.memory.uploads.get(backfillId)?.toString()).toBe('0123456789');
  });

  it('refuses a chunk that belongs elsewhere, and says where to go on', async () => {
    const backfillId = await newBackfill();
    const call = door.backfills.uploadBackup(
      chunks({ backfillId, data: Buffer.from('0123') }, { writeOffset: 9n, data: Buffer.from('x') }),
    );
    await expect(call).rejects.toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: 'WRONG_OFFSET',
      metadata: { committed_size: '4' },
    });
    expect(door.memory.openUploads).toBe(0);
  });

  it('wants a backfill in the first message, and the same one in all', async () => {
    const backfillId = await newBackfill();
    const refused = { metadata: { field: 'backfill_id' } };
    await expect(door.backfills.uploadBackup(chunks())).rejects.toMatchObject(refused);
    await expect(door.backfills.uploadBackup(chunks({ data: Buffer.from('x') }))).rejects.toMatchObject(refused);
    await expect(
      door.backfills.uploadBackup(chunks({ backfillId }, { backfillId: 'backfill-999' })),
    ).rejects.toMatchObject(refused);
    await expect(door.backfills.uploadBackup(chunks({ backfillId: '../x' }))).rejects.toMatchObject({
      reason: 'BACKFILL_NOT_FOUND',
    });
    expect(door.memory.openUploads).toBe(0);
  });

  it('takes a chunk of 4 MiB and refuses a larger message', async () => {
    const backfillId = await newBackfill();
    const data = Buffer.alloc(4 * 1024 * 1024, 7);
    const answer = await door.backfills.uploadBackup(chunks({ backfillId, data }));
    expect(answer.committedSize).toBe(BigInt(data.length));
    const larger = Buffer.alloc(5 * 1024 * 1024);
    const call = door.backfills.uploadBackup(chunks({ backfillId, writeOffset: answer.committedSize, data: larger }));
    await expect(call).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await until(() => door.memory.openUploads === 0);
  });

  it('lets go of the upload when the client vanishes in the middle', async () => {
    const backfillId = await newBackfill();
    const abort = new AbortController();
    const call = door.backfills.uploadBackup(endless(backfillId), { signal: abort.signal });
    const outcome = expect(call).rejects.toBeInstanceOf(Error);
    await until(() => (door.memory.uploads.get(backfillId)?.length ?? 0) > 0);
    expect(door.memory.openUploads).toBe(1);
    abort.abort(new Error('gone'));
    await outcome;
    await until(() => door.memory.openUploads === 0);
  });
});

describe('an upload that falls silent', () => {
  let quick: Door;
  beforeEach(async () => {
    quick = await openDoor({ uploadStallMs: 1_500, openUploads: 1 });
    quick.memory.history('s');
  });
  afterEach(() => quick.stop());
  const newUpload = async (): Promise<string> =>
    (await quick.backfills.createBackfill({ sessionId: 's', source: upload })).backfill?.backfillId ?? '';

  it('is ended with what came, and its place is free', async () => {
    const backfillId = await newUpload();
    const ended = await uploadThenSilence(quick.address, [{ backfillId, data: Buffer.from('0123') }]);
    expect(ended).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'UPLOAD_STALLED',
      metadata: { committed_size: '4' },
    });
    expect(quick.memory.openUploads).toBe(0);
    await quick.backfills.uploadBackup(chunks({ backfillId, writeOffset: 4n, data: Buffer.from('456789') }));
    expect(quick.memory.uploads.get(backfillId)?.toString()).toBe('0123456789');
  });

  it('is ended also when it never said a word', async () => {
    const refused = { code: status.UNAVAILABLE, reason: 'UPLOAD_STALLED', metadata: {} };
    expect(await uploadThenSilence(quick.address, [])).toMatchObject(refused);
  });

  it('is not the one whose message comes slowly, byte by byte', async () => {
    const backfillId = await newUpload();
    const message = toBinary(
      UploadBackupRequestSchema,
      create(UploadBackupRequestSchema, { backfillId, data: Buffer.from('0123456789') }),
    );
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    const session = http2.connect(`http://${quick.address}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/scrollback.v1.BackfillService/UploadBackup',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const trailers = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('trailers', resolve));
    // In all it takes twice as long as a silence may.
    for (const byte of frame) {
      stream.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 3_000 / frame.length));
    }
    stream.end();
    stream.resume();
    expect(await trailers).toMatchObject({ 'grpc-status': '0' });
    session.destroy();
    expect(quick.memory.uploads.get(backfillId)?.toString()).toBe('0123456789');
  });
});

describe('the other methods of BackfillService', () => {
  it('return a backfill by its id and the latest of a session', async () => {
    await newBackfill();
    const latest = await newBackfill();
    const byId = await door.backfills.getBackfill({ which: { case: 'backfillId', value: latest } });
    const bySession = await door.backfills.getBackfill({ which: { case: 'sessionId', value: 's' } });
    expect(byId.backfill?.backfillId).toBe(latest);
    expect(bySession).toEqual(byId);
    await expect(door.backfills.getBackfill({})).rejects.toMatchObject({ metadata: { field: 'which' } });
    await expect(door.backfills.getBackfill({ which: { case: 'backfillId', value: 'none' } })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      metadata: { backfill_id: 'none' },
    });
  });

  it('list backfills page by page, the newest first', async () => {
    for (let n = 0; n < 3; n++) await newBackfill();
    const first = await door.backfills.listBackfills({ sessionId: 's', pageSize: 2 });
    const second = await door.backfills.listBackfills({ sessionId: 's', pageSize: 2, pageToken: first.nextPageToken });
    const ids = [...first.backfills, ...second.backfills].map((backfill) => backfill.backfillId);
    expect(ids).toEqual(['backfill-003', 'backfill-002', 'backfill-001']);
    expect(second.nextPageToken).toBe('');
    await expect(door.backfills.listBackfills({ pageToken: first.nextPageToken })).rejects.toMatchObject({
      reason: 'INVALID_PAGE_TOKEN',
    });
  });

  it('resume with a key, and cancel', async () => {
    const backfillId = await newBackfill();
    const key = { form: { case: 'digits', value: '00' } } as const;
    const resumed = await door.backfills.resumeBackfill({ backfillId, key });
    expect(resumed.backfill?.state).toBe(BackfillState.DECRYPTING);
    const cancelled = await door.backfills.cancelBackfill({ backfillId });
    expect(cancelled.backfill?.state).toBe(BackfillState.CANCELLED);
  });

  it('watch a backfill to its end, and show why it failed', async () => {
    const backfillId = await newBackfill();
    const states: BackfillState[] = [];
    for await (const { backfill } of door.backfills.watchBackfill({ backfillId })) {
      states.push(backfill?.state ?? BackfillState.UNSPECIFIED);
      if (states.length === 1) door.memory.change(backfillId, { state: BackfillState.IMPORTING });
      if (states.length === 2) {
        door.memory.change(backfillId, { state: BackfillState.FAILED }, toStatus({ reason: 'TRUNCATED' }));
      }
    }
    expect(states).toEqual([BackfillState.UPLOADING, BackfillState.IMPORTING, BackfillState.FAILED]);
    const { backfill } = await door.backfills.getBackfill({ which: { case: 'backfillId', value: backfillId } });
    expect(backfill?.error?.message).toContain('not complete');
  });
});

type Chunk = { backfillId?: string; writeOffset?: bigint; data?: Uint8Array };

async function* chunks(...list: Chunk[]): AsyncGenerator<Chunk> {
  yield* list;
}

async function* endless(backfillId: string): AsyncGenerator<Chunk> {
  for (let offset = 0n; ; offset += 1_000n) {
    yield { backfillId, writeOffset: offset, data: Buffer.alloc(1_000) };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

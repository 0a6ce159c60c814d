import { DomainError, invalidArgument } from '../domain/fault.js';
import { parseSessionId } from '../domain/session-id.js';
import type { BackfillRecord } from '../gen/scrollback/store/v1/record_pb.js';
import type {
  BackfillService,
  BackupKey,
  CreateBackfillRequest,
  UploadBackupRequest,
} from '../gen/scrollback/v1/backfill_service_pb.js';
import type { BackupKeyInput, NewBackfill, Sessions, UploadSink } from '../session/sessions.js';
import { fromBackfillKind, toBackfill } from './convert.js';
import { PageTokens } from './page-token.js';
import { addressOf, boundedText, pageSizeOf, requiredText, safeNumber, timeOf } from './request-field.js';
import type { Handlers } from './service.js';

/** Limits in bytes of what a client states. Part of the public contract. */
const maxBytes = { key: 4_096, fileName: 255, requestId: 128, backfillId: 128 } as const;

/** Answers BackfillService. */
export function backfillService(sessions: Sessions): Handlers<typeof BackfillService> {
  return {
    async createBackfill(request) {
      return { backfill: toBackfill(await sessions.createBackfill(newBackfill(request))) };
    },

    async uploadBackup(requests) {
      const record = await upload(sessions, requests);
      const backfill = toBackfill(record);
      return { committedSize: backfill.committedSize, backfill };
    },

    async getBackfill({ which, kind: wireKind }) {
      const kind = fromBackfillKind(wireKind);
      switch (which.case) {
        case 'backfillId':
          if (kind !== undefined) invalidArgument('kind', 'is only for the backfill of a session');
          return { backfill: toBackfill(await sessions.getBackfill(backfillIdOf(which.value))) };
        case 'sessionId':
          return { backfill: toBackfill(await sessions.latestBackfill(parseSessionId(which.value), kind)) };
        case undefined:
          return invalidArgument('which', 'set backfill_id or session_id');
      }
    },

    async listBackfills(request) {
      const sessionId = request.sessionId === '' ? '' : parseSessionId(request.sessionId);
      const size = pageSizeOf(request.pageSize);
      const kind = fromBackfillKind(request.kind);
      const tokens = new PageTokens('listBackfills', [sessionId, ...(kind === undefined ? [] : [kind])]);
      const before = tokens.decode(request.pageToken)?.toString('utf8') ?? '';
      // One more than asked for tells whether there is a next page.
      const found = (await sessions.listBackfills({ sessionId, kind }, before, size + 1)).map(toBackfill);
      const page = found.slice(0, size);
      const last = found.length > size ? page.at(-1) : undefined;
      return { backfills: page, nextPageToken: tokens.encode(last && Buffer.from(last.backfillId)) };
    },

    async resumeBackfill(request) {
      const record = await sessions.resumeBackfill(backfillIdOf(request.backfillId), keyOf(request.key));
      return { backfill: toBackfill(record) };
    },

    async cancelBackfill(request) {
      return { backfill: toBackfill(await sessions.cancelBackfill(backfillIdOf(request.backfillId))) };
    },

    async watchBackfill(request, frames) {
      const backfillId = backfillIdOf(request.backfillId);
      for await (const record of sessions.watchBackfill(backfillId, frames.signal)) {
        await frames.write({ backfill: toBackfill(record) });
      }
    },
  };
}

async function upload(sessions: Sessions, requests: AsyncIterable<UploadBackupRequest>): Promise<BackfillRecord> {
  let sink: UploadSink | undefined;
  let backfillId = '';
  try {
    for await (const request of requests) {
      if (sink === undefined) {
        backfillId = backfillIdOf(request.backfillId);
        sink = await sessions.openUpload(backfillId);
      } else if (request.backfillId !== '' && request.backfillId !== backfillId) {
        invalidArgument('backfill_id', 'must be the same in all messages of an upload');
      }
      await sink.write(safeNumber('write_offset', request.writeOffset), request.data);
    }
    if (sink === undefined) return invalidArgument('backfill_id', 'is required in the first message');
    return await sink.finish();
  } catch (error) {
    if (sink === undefined || !(error instanceof DomainError) || error.fault.reason !== 'UPLOAD_STALLED') throw error;
    // Only what is synced by now is what the next upload may go on from.
    await sink.close();
    throw new DomainError({ reason: 'UPLOAD_STALLED', committedSize: sink.offset }, { cause: error });
  } finally {
    await sink?.close();
  }
}

function newBackfill(request: CreateBackfillRequest): NewBackfill {
  return {
    sessionId: parseSessionId(request.sessionId),
    source: sourceOf(request.source),
    requestId: boundedText('request_id', request.requestId, maxBytes.requestId),
    // Last: a copy of the key is made only for a request that is otherwise right.
    key: keyOf(request.key),
  };
}

function sourceOf(source: CreateBackfillRequest['source']): NewBackfill['source'] {
  switch (source.case) {
    case 'upload': {
      const { totalSize, fileName } = source.value;
      if (totalSize === 0n) invalidArgument('upload.total_size', 'is required: the size of the backup in bytes');
      return {
        kind: 'upload',
        totalSize: safeNumber('upload.total_size', totalSize),
        fileName: boundedText('upload.file_name', fileName, maxBytes.fileName),
      };
    }
    case 'drop': {
      const fileName = boundedText('drop.file_name', source.value.fileName, maxBytes.fileName);
      if (fileName === '' || fileName === '.' || fileName === '..' || /[/\\\0]/.test(fileName)) {
        invalidArgument('drop.file_name', 'must be the name of a file in the drop directory, without a path');
      }
      return { kind: 'drop', fileName };
    }
    case 'directory':
      return { kind: 'directory' };
    case 'olderMessages': {
      const { chat, untilTime, maxMessages } = source.value;
      const untilMs = untilTime === undefined ? 0 : timeOf('older_messages.until_time', untilTime);
      return { kind: 'older-messages', chat: addressOf('older_messages.chat', chat) ?? '', untilMs, maxMessages };
    }
    case undefined:
      return invalidArgument('source', 'set upload, drop, directory or older_messages');
  }
}

/** Copies a key out of a request and wipes the bytes there; the text form cannot be wiped. */
function keyOf(key: BackupKey | undefined): BackupKeyInput {
  switch (key?.form.case) {
    case 'digits':
      return boundedKey('key.digits', new TextEncoder().encode(key.form.value));
    case 'file': {
      const copy = Uint8Array.from(key.form.value);
      key.form.value.fill(0);
      return boundedKey('key.file', copy);
    }
    case undefined:
      return undefined;
  }
}

function boundedKey(field: string, key: Uint8Array): Uint8Array {
  if (key.length <= maxBytes.key) return key;
  key.fill(0);
  return invalidArgument(field, `must have at most ${maxBytes.key} bytes`);
}

/** An id that no server ever made cannot be found, which is all a client needs to know about it. */
function backfillIdOf(text: string): string {
  const backfillId = requiredText('backfill_id', text);
  if (Buffer.byteLength(backfillId) > maxBytes.backfillId || !/^[\w-]+$/.test(backfillId)) {
    throw new DomainError({ reason: 'BACKFILL_NOT_FOUND', backfillId });
  }
  return backfillId;
}

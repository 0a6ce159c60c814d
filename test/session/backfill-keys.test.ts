import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/fault.js';
import { BackfillState, type Backfill } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { MediaPolicy } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { backfillOf } from '../../src/session/backfill/backfill.js';
import type { NewBackfill } from '../../src/session/sessions.js';
import { OwnSupervisor } from '../support/own-supervisor.js';
import { rootKey, smallBackup, smallDatabase } from '../support/small-backup.js';

const backup = smallBackup(smallDatabase(2000));
const upload = { kind: 'upload', totalSize: backup.length, fileName: 'b' } as const;

let own: OwnSupervisor;
beforeEach(async () => {
  own = await OwnSupervisor.open();
  await own.sessions.createSession('s', '', MediaPolicy.UNSPECIFIED);
});
afterEach(() => own.close());

/** A key as a client gives it: right, or of another backup. */
const aKey = (isRight = true): Uint8Array => Buffer.from(isRight ? rootKey : Buffer.alloc(32, 0xee));
const wiped = Buffer.alloc(32);

/** Creates a backfill with a key of its own; returns the key, and what became of the call. */
async function create(
  request: Partial<NewBackfill>,
): Promise<{ key: Uint8Array; reason: string; backfill: Backfill | undefined }> {
  const key = request.key ?? aKey();
  const whole: NewBackfill = { sessionId: 's', source: upload, requestId: '', ...request, key };
  try {
    return { key, reason: '', backfill: backfillOf(await own.sessions.createBackfill(whole)) };
  } catch (error) {
    return { key, reason: reasonOf(error), backfill: undefined };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DomainError) return error.fault.reason;
  throw error;
}

describe('the key of a backfill', () => {
  it('is kept until the backfill ends, and is then wiped', async () => {
    const { key, backfill } = await create({});
    expect(key).toEqual(aKey());
    await own.sessions.cancelBackfill(backfill?.backfillId ?? '');
    expect(key).toEqual(wiped);
  });

  it('is wiped when no backfill is made', async () => {
    await writeFile(join(own.directory, 'dropped'), backup);
    const drop = { kind: 'drop', fileName: 'dropped' } as const;
    const refused = [
      await create({ source: drop, key: aKey(false) }),
      await create({ source: { kind: 'directory' } }),
      await create({ sessionId: 'nobody' }),
      await create({ requestId: 'once' }).then(() => create({})),
    ];
    expect(refused.map(({ reason }) => reason)).toEqual([
      'WRONG_KEY',
      'INVALID_ARGUMENT',
      'SESSION_NOT_FOUND',
      'BACKFILL_RUNNING',
    ]);
    for (const { key, reason } of refused) expect(key, reason).toEqual(wiped);
  });

  it('is wiped when the same call comes again, and the first one stays', async () => {
    const first = await create({ requestId: 'once' });
    const again = await create({ requestId: 'once' });
    expect(again.backfill?.backfillId).toBe(first.backfill?.backfillId);
    expect([first.key, again.key]).toEqual([aKey(), wiped]);
  });

  it('that is given again is wiped when it is refused, not needed, or for nothing', async () => {
    const { backfill } = await create({});
    const { backfillId = '' } = backfill ?? {};
    const sink = await own.sessions.openUpload(backfillId);
    await sink.write(0, backup.subarray(0, 1000));
    await sink.close();
    const unneeded = aKey();
    await own.sessions.resumeBackfill(backfillId, unneeded);
    await own.restart();
    const [wrong, right, nowhere] = [aKey(false), aKey(), aKey()];
    expect(await own.sessions.resumeBackfill(backfillId, wrong).catch(reasonOf)).toBe('WRONG_KEY');
    expect(await own.sessions.resumeBackfill('none', nowhere).catch(reasonOf)).toBe('BACKFILL_NOT_FOUND');
    expect(backfillOf(await own.sessions.resumeBackfill(backfillId, right)).state).toBe(BackfillState.UPLOADING);
    expect([unneeded, wrong, nowhere, right]).toEqual([wiped, wiped, wiped, aKey()]);
  });
});

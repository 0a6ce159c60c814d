import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/fault.js';
import { ErrorInfoSchema, RetryInfoSchema } from '../../src/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.js';
import { codeOf, toFailure, toStatus } from '../../src/rpc/status.js';
import { everyFault as faults } from '../support/every-fault.js';

const silent = pino({ level: 'silent' });

describe('every fault', () => {
  it('has its code, a sentence, and exactly one ErrorInfo with its data', () => {
    for (const fault of Object.values(faults)) {
      const rich = toStatus(fault);
      expect(rich.code, fault.reason).toBe(codeOf[fault.reason]);
      expect(rich.message.length, fault.reason).toBeGreaterThan(10);
      const infos = rich.details.flatMap((detail) => anyUnpack(detail, ErrorInfoSchema) ?? []);
      expect(infos, fault.reason).toHaveLength(1);
      expect(infos[0], fault.reason).toMatchObject({ reason: fault.reason, domain: 'scrollback' });
      expect(Object.keys(infos[0]?.metadata ?? {})).toHaveLength(Object.keys(fault).length - 1);
    }
  });

  it('says when to try again exactly when it is UNAVAILABLE', () => {
    for (const fault of Object.values(faults)) {
      const rich = toStatus(fault);
      const retries = rich.details.flatMap((detail) => anyUnpack(detail, RetryInfoSchema) ?? []);
      expect(retries.length, fault.reason).toBe(rich.code === status.UNAVAILABLE ? 1 : 0);
    }
  });

  it('says in its text whatever varies, and in its metadata by the names of the contract', () => {
    expect(toStatus(faults.BACKFILL_RUNNING).message).toBe(
      'session s already runs backfill b; wait for it, or cancel it with CancelBackfill',
    );
    expect(toStatus(faults.WRONG_KEY).message).toContain('digit 17 looks mistyped');
    expect(toStatus({ reason: 'WRONG_KEY' }).message).not.toContain('digit');
    const info = toStatus(faults.WRONG_OFFSET).details.map((detail) => anyUnpack(detail, ErrorInfoSchema))[0];
    expect(info?.metadata).toEqual({ committed_size: '512' });
  });

  it('says each thing once', () => {
    expect(toStatus({ reason: 'KEY_MALFORMED', problem: 'it is empty, 64 hex digits are needed' }).message).toBe(
      'this is not a key: it is empty, 64 hex digits are needed; give the 64 digits that WhatsApp showed, or the key file',
    );
    expect(toStatus({ reason: 'KEY_KIND_MISMATCH', needed: 'key-file', problem: 'it needs another' }).message).toBe(
      'the key does not belong to this backup: it needs another; take it from the phone that made the backup',
    );
    expect(toStatus(faults.DAMAGED).message).toBe(
      'the backup is damaged: the tag is wrong; copy it from the phone again, and if that does not help, back up on the phone again',
    );
  });

  it('goes out in the trailer of the error', () => {
    const failure = toFailure(new DomainError(faults.WRONG_OFFSET), 'm', silent);
    const [trailer] = failure.metadata.get('grpc-status-details-bin');
    expect(failure.code).toBe(status.OUT_OF_RANGE);
    expect(fromBinary(StatusSchema, Uint8Array.from(Buffer.from(trailer ?? '')))).toEqual(
      toStatus(faults.WRONG_OFFSET),
    );
  });

  it('is short and well-formed, however long and broken what the client sent', () => {
    const sessionId = '😀'.repeat(100_000);
    const { message, details } = toStatus({ reason: 'SESSION_NOT_FOUND', sessionId: `x${sessionId}` });
    expect(message.length).toBeLessThan(1_000);
    expect(() => encodeURI(message)).not.toThrow();
    expect(details[0]?.value.length).toBeLessThan(2_000);
  });
});

describe('an error that is no fault', () => {
  it('becomes STORAGE_FULL when a full disk is behind it, however deep', () => {
    const system = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const levelDb = new Error('IO error: /data/000005.log: No space left on device');
    const circle = new Error('a circle');
    circle.cause = circle;
    for (const error of [system, levelDb, new Error('not opened', { cause: new Error('why', { cause: levelDb }) })]) {
      expect(toFailure(error, 'm', silent).code, error.message).toBe(status.RESOURCE_EXHAUSTED);
      expect(toFailure(error, 'm', silent).details).not.toContain('/data');
    }
    expect(toFailure(circle, 'm', silent).code).toBe(status.INTERNAL);
  });

  it('becomes INTERNAL with an incident id, and its text goes to the log only', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const failure = toFailure(new Error('ENOENT /var/lib/secret'), 'scrollback.v1.X/Y', log);
    const [trailer] = failure.metadata.get('grpc-status-details-bin');
    const rich = fromBinary(StatusSchema, Uint8Array.from(Buffer.from(trailer ?? '')));
    const info = rich.details.map((detail) => anyUnpack(detail, ErrorInfoSchema))[0];

    expect(failure.code).toBe(status.INTERNAL);
    expect(JSON.stringify([failure.details, rich.message, info])).not.toMatch(/ENOENT|var|secret/);
    expect(info?.metadata['incident_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('ENOENT /var/lib/secret');
    expect(lines[0]).toContain(info?.metadata['incident_id']);
  });

  it('may be anything that JavaScript can throw', () => {
    for (const thrown of [
      undefined,
      null,
      'text',
      7,
      { code: 5, details: 'looks like a status' },
      Object.create(null),
    ]) {
      expect(toFailure(thrown, 'm', silent).code).toBe(status.INTERNAL);
    }
  });
});

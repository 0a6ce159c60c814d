import { describe, expect, it } from 'vitest';
import { fromStatus } from '../../src/cli/call-error.js';
import { describeFailure } from '../../src/cli/failure.js';
import { BackfillService } from '../../src/gen/scrollback/v1/backfill_service_pb.js';
import { HistoryService } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { SessionService } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { toStatus } from '../../src/rpc/status.js';
import { everyFault } from '../support/every-fault.js';

const methods = [SessionService, BackfillService, HistoryService].flatMap((service) =>
  service.methods.map(({ name }) => name),
);

describe('what the command line says of a fault', () => {
  // What is about requests that no command leaves to whoever types it: a field, an offset, a token to resume from.
  const ofPrograms = ['INVALID_ARGUMENT', 'WRONG_OFFSET', 'SLOW_READER'];

  it.each(Object.values(everyFault).filter(({ reason }) => !ofPrograms.includes(reason)))(
    'names commands, and neither methods nor fields of the API: $reason',
    (fault) => {
      const said = describeFailure(fromStatus(toStatus(fault)), '127.0.0.1:1');
      expect(methods.filter((name) => said.includes(name))).toEqual([]);
      expect(said).not.toMatch(/\b[a-z]+_[a-z_]+\b/);
      expect(said).not.toContain('undefined');
    },
  );

  it('says what to do about a link that is not connected, and about a backfill that cannot be ended', () => {
    const said = (fault: keyof typeof everyFault): string =>
      describeFailure(fromStatus(toStatus(everyFault[fault])), '127.0.0.1:1');
    expect(said('LINK_NOT_CONNECTED')).toBe(
      'session s is not connected to WhatsApp (backing-off); run `scrollback link`, or wait until `scrollback sessions` ' +
        'shows it as online',
    );
    expect(said('BACKFILL_NOT_CANCELLABLE')).toContain('cannot be cancelled; `scrollback unlink` ends it');
    expect(said('SESSION_UNAVAILABLE')).toMatch(/; try again in a moment; .* log says why$/);
    expect(said('BACKFILL_NOT_UPLOADING')).toContain('; follow it with `scrollback backfills watch b`');
  });
});

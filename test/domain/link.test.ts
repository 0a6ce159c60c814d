import { describe, expect, it } from 'vitest';
import type { DisconnectCause, LinkEvent, LinkState } from '../../src/domain/link.js';
import { afterRestart, backoffMs, hasCredentials, mayBeSameAccount, transition } from '../../src/domain/link.js';

const unlinked: LinkState = { state: 'unlinked' };
const connecting: LinkState = { state: 'connecting', attempts: 2, restarted: false };
const online: LinkState = { state: 'online', attempts: 2 };

function end(cause: DisconnectCause, code: number): LinkEvent {
  return { event: 'disconnected', disconnect: { cause, code }, retryAtMs: 5000 };
}

describe('a link', () => {
  it('goes from nothing to online', () => {
    const events: LinkEvent[] = [
      { event: 'pairing-started' },
      { event: 'paired' },
      end('restart', 515),
      { event: 'opened' },
      { event: 'caught-up' },
    ];
    const states = events.map(
      ((state: LinkState) => (event: LinkEvent) => {
        state = transition(state, event) ?? state;
        return state.state;
      })(unlinked),
    );
    expect(states).toEqual(['awaiting-scan', 'connecting', 'connecting', 'syncing', 'online']);
  });

  it.each([
    ['restart', 515, { state: 'connecting', attempts: 2, restarted: true }],
    ['transient', 503, { state: 'backing-off', attempts: 3, retryAtMs: 5000, code: 503 }],
    ['logged-out', 401, { state: 'logged-out', code: 401 }],
    ['banned', 403, { state: 'banned', code: 403 }],
    ['outdated', 405, { state: 'outdated', code: 405 }],
    ['replaced', 440, { state: 'replaced', code: 440 }],
    ['refused', 411, { state: 'refused', code: 411 }],
    ['not-paired', 0, { state: 'unlinked' }],
    ['ended', 0, { state: 'connecting', attempts: 2, restarted: false }],
  ] as const)('that ends by %s stands where the table says', (cause, code, expected) => {
    expect(transition(connecting, end(cause, code))).toEqual(expected);
    expect(transition(online, end(cause, code))).toEqual(expected);
  });

  it('is not restarted twice in a row without a pause', () => {
    const restarted = { state: 'connecting', attempts: 0, restarted: true } as const;
    expect(transition(restarted, end('restart', 515))).toMatchObject({ state: 'backing-off', attempts: 1 });
  });

  it('forgets its failures only when a connection has lasted', () => {
    expect(transition(transition(connecting, { event: 'opened' }) ?? unlinked, { event: 'caught-up' })).toEqual(online);
    expect(transition(online, { event: 'lasted' })).toEqual({ state: 'online', attempts: 0 });
    const caughtUp = (attempts: number) => transition({ state: 'syncing', attempts }, { event: 'caught-up' });
    expect([0, 2, 9].map(caughtUp)).toEqual([0, 2, 2].map((attempts) => ({ state: 'online', attempts })));
  });

  it('returns to where it was when nobody scans', () => {
    for (const before of [unlinked, { state: 'logged-out', code: 401 } as const]) {
      const awaiting = transition(before, { event: 'pairing-started' }) ?? before;
      expect(transition(awaiting, { event: 'pairing-ended', before })).toEqual(before);
    }
  });

  it('is not paired over credentials that it has', () => {
    for (const state of [connecting, online, { state: 'banned', code: 403 } as const]) {
      expect(hasCredentials(state)).toBe(true);
      expect(transition(state, { event: 'pairing-started' })).toBeUndefined();
    }
  });

  it('that stopped goes on when somebody asks, unless the device is gone', () => {
    for (const state of ['replaced', 'banned', 'outdated', 'refused'] as const) {
      expect(transition({ state, code: 1 }, { event: 'connect' })).toMatchObject({ state: 'connecting', attempts: 0 });
    }
    expect(transition({ state: 'logged-out', code: 401 }, { event: 'connect' })).toBeUndefined();
  });

  it('comes back after a restart, but does not fight, knock or finish a pairing', () => {
    const back = (state: LinkState): string => afterRestart(state).state;
    expect([connecting, online, { state: 'outdated', code: 405 } as const].map(back)).toEqual(
      Array.from({ length: 3 }, () => 'connecting'),
    );
    expect(back({ state: 'awaiting-scan' })).toBe('unlinked');
    expect(back({ state: 'replaced', code: 440 })).toBe('replaced');
    expect(back({ state: 'banned', code: 403 })).toBe('banned');
    expect(back({ state: 'logged-out', code: 401 })).toBe('logged-out');
  });
});

describe('the pause before the next attempt', () => {
  it('doubles up to five minutes, less up to half by chance', () => {
    expect([1, 2, 3, 9, 30].map((attempts) => backoffMs(attempts, 0))).toEqual([1000, 2000, 4000, 256_000, 300_000]);
    expect(backoffMs(1, 1)).toBe(500);
    expect(backoffMs(30, 0.5)).toBe(225_000);
  });
});

describe('an account', () => {
  it('is another one when neither its number nor its LID is known', () => {
    const known = { phoneJid: '1@s.whatsapp.net', lid: '1@lid' };
    expect(mayBeSameAccount(known, { phoneJid: '1@s.whatsapp.net', lid: '' })).toBe(true);
    expect(mayBeSameAccount(known, { phoneJid: '2@s.whatsapp.net', lid: '1@lid' })).toBe(true);
    expect(mayBeSameAccount(known, { phoneJid: '2@s.whatsapp.net', lid: '2@lid' })).toBe(false);
    expect(mayBeSameAccount({ ...known, lid: '' }, { phoneJid: '2@s.whatsapp.net', lid: '' })).toBe(false);
    expect(mayBeSameAccount({ phoneJid: '', lid: '' }, known)).toBe(true);
  });
});

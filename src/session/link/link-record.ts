import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { afterRestart, isActive, type LinkState, type StoppedState } from '../../domain/link.js';
import { type LinkRecord, LinkRecordSchema } from '../../gen/scrollback/store/v1/record_pb.js';
import { LinkState as WireState } from '../../gen/scrollback/v1/session_service_pb.js';
import type { LinkAccount } from './link.js';

/** What of a link outlives the daemon. */
export interface StoredLink {
  state: LinkState;
  sinceMs: number;
  account: LinkAccount;
}

/** Returns the record of a link. All states in which it connects by itself are one: which of them it was in does not matter later. */
export function toLinkRecord({ state, sinceMs, account }: StoredLink): LinkRecord {
  return create(LinkRecordSchema, {
    state: wireOf(state),
    ...(isActive(state) ? {} : { sinceTime: timestampFromMs(sinceMs) }),
    ...account,
    code: 'code' in state && !isActive(state) ? state.code : 0,
  });
}

/** Returns the link that a record stands for when the daemon starts; one that was never linked has none. */
export function fromLinkRecord(record: LinkRecord | undefined, nowMs: number): StoredLink {
  if (record === undefined) return { state: { state: 'unlinked' }, sinceMs: nowMs, account: NOBODY };
  const { phoneJid, lid, pushName } = record;
  const state = afterRestart(stateOf(record));
  const sinceMs = record.sinceTime === undefined || isActive(state) ? nowMs : timestampMs(record.sinceTime);
  return { state, sinceMs, account: { phoneJid, lid, pushName } };
}

const NOBODY: LinkAccount = { phoneJid: '', lid: '', pushName: '' };

function wireOf(state: LinkState): WireState {
  switch (state.state) {
    case 'logged-out':
    case 'replaced':
    case 'banned':
    case 'outdated':
    case 'refused':
      return STOPPED[state.state];
    case 'unlinked':
    case 'awaiting-scan':
      return WireState.UNLINKED;
    default:
      return WireState.CONNECTING;
  }
}

function stateOf({ state: wire, code }: LinkRecord): LinkState {
  if (wire === WireState.CONNECTING) return { state: 'connecting', attempts: 0, restarted: false };
  for (const [state, value] of Object.entries(STOPPED)) {
    // Safety: the keys of STOPPED are these states.
    if (value === wire) return { state: state as StoppedState, code };
  }
  return { state: 'unlinked' };
}

const STOPPED: Record<StoppedState, WireState> = {
  'logged-out': WireState.LOGGED_OUT,
  replaced: WireState.REPLACED,
  banned: WireState.BANNED,
  outdated: WireState.OUTDATED,
  refused: WireState.REFUSED,
};

import type { LinkRecord } from '../../gen/scrollback/store/v1/record_pb.js';
import type { Logger } from '../../log.js';
import type { Turns } from '../turns.js';
import type { ConnectLink } from './link.js';
import type { HistoryCounter } from '../backfill/history-counter.js';
import type { InboxReader } from './link-inbox.js';
import type { Session } from '../session.js';

/** What links work with. */
export interface LinkDependencies {
  now: () => number;
  /** A number from 0 to 1. */
  random: () => number;
  log: Logger;
  connectLink: ConnectLink;
  /** Understands what links deliver. */
  inboxReader: InboxReader;
}

/** What one link works with. */
export interface SessionLinkDependencies extends LinkDependencies {
  turns: Turns;
  /** Takes up the backfills that the link carries out; before it connects. */
  recover: (session: Session) => Promise<void>;
  /** Counts the history that WhatsApp sends. */
  counterOf: (session: Session) => HistoryCounter;
  /** Makes a record durable. */
  save: (session: Session, record: LinkRecord) => Promise<void>;
}

import type { Disconnect } from '../../domain/link.js';
import type { LiveEvent } from '../../domain/live-event.js';
import type { LinkStore } from '../../store/link-store.js';
import type { CaptureHost } from './link-inbox.js';
import type { MediaLink } from './link-media.js';

/**
 * What connects a session to WhatsApp, as the session sees it. `src/whatsapp/` is the implementation; another library would be a
 * second one.
 */
export type ConnectLink = (task: LinkTask) => LinkConnection;

/** What a connection is to do. */
export interface LinkTask {
  sessionId: string;
  /** Takes what arrives: the link itself only passes it on. */
  inbox: CaptureHost;
  storage: LinkStorage;
  /** Pairs a new device: by a code for this number, or by QR codes when it is empty. Undefined: logs in with what is stored. */
  pairing: { phoneNumber: string } | undefined;
  events: LinkConnectionEvents;
}

/** Where a link keeps its credentials and keys: in the session's own database. */
export type LinkStorage = Pick<LinkStore, 'getCredentials' | 'getKeys' | 'write'>;

/** What becomes of a connection. Nothing comes before the call that made it has returned, and nothing after `closed`. */
export interface LinkConnectionEvents {
  /** Something to show to the owner of the phone; it replaces what was offered before. */
  offered(offer: LinkOffer): void;
  /** A phone has answered. The credentials are stored when this has resolved. */
  paired(account: LinkAccount): Promise<void>;
  /** Logged in; also whenever the account is known better. */
  opened(account: LinkAccount): void;
  /** Something arrived: it was connected just now. */
  heard(): void;
  /** What waited while the link was away has arrived: WhatsApp said so (`told`), or did not say anything for long. May come twice. */
  caughtUp(told: boolean): void;
  /** It has ended, and everything that arrived on it is durable. */
  closed(disconnect: Disconnect): void;
}

/** One connection, from its first byte to its end. */
export interface LinkConnection {
  /** Fetches files of messages; to be used while it is connected. */
  readonly media: MediaLink;
  /** Ends it; `closed` follows within seconds. May be called at any time and twice. */
  close(): void;
  /** Takes the device off the account and ends the connection. Resolves to whether WhatsApp was told. Never rejects. */
  logOut(): Promise<boolean>;
  /**
   * Fetches the owner's whole address book. This and what else is fetched throws `LinkLost` when the connection ends, and a `DomainError` with
   * WHATSAPP_REFUSED or WHATSAPP_SILENT.
   */
  fetchContacts(): Promise<ContactsFound>;
  /** Fetches all groups that the owner is in: for each what it tells. */
  fetchGroups(): Promise<LiveEvent[][]>;
  /** Fetches what one group tells; nothing when the answer holds no group. */
  fetchGroup(jid: string): Promise<LiveEvent[]>;
  /** Asks the owner's phone for messages of a chat. What it answers comes as a chunk of history, soon, late or never. */
  requestOlder(question: OlderQuestion): SentQuestion;
}

/** An address book. */
export interface ContactsFound {
  events: LiveEvent[];
  /** False when it could not be read: WhatsApp has not given out its key. */
  complete: boolean;
}

/** A question that is on its way. */
export interface SentQuestion {
  /** By which an answer says what it answers. */
  id: string;
  /** Resolves when it has been sent, and rejects when it cannot be. */
  sent: Promise<void>;
}

/** Which messages the phone is asked for: those of a chat before one that is known. */
export interface OlderQuestion {
  /** The chat's address, in a form that the phone knows. */
  chatJid: string;
  before: MessageAnchor;
  /** How many at most; phones are not known to give more than 50. */
  count: number;
}

/** A message by which the phone finds the place in a chat. */
export interface MessageAnchor {
  messageId: string;
  fromMe: boolean;
  sentMs: number;
}

/** What the owner of the phone scans or types. */
export type LinkOffer =
  { kind: 'qr'; payload: string; expiresAtMs: number } | { kind: 'code'; code: string; expiresAtMs: number };

/** Whose device it is; empty where not known. */
export interface LinkAccount {
  phoneJid: string;
  lid: string;
  pushName: string;
}

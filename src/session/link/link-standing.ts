import { equals } from '@bufbuild/protobuf';
import { type LinkEvent, type LinkState, transition } from '../../domain/link.js';
import { type LinkRecord, LinkRecordSchema } from '../../gen/scrollback/store/v1/record_pb.js';
import { Wakeup } from '../../store/wakeup.js';
import type { LinkAccount, LinkOffer } from './link.js';
import { fromLinkRecord, toLinkRecord } from './link-record.js';
import type { LinkView } from '../sessions.js';

/** What a standing works with. */
export interface StandingDependencies {
  now: () => number;
  /** Makes a record durable. */
  save: (record: LinkRecord) => Promise<void>;
}

/** Where the link of a session stands, in memory and, as far as it outlives the daemon, on the disk. */
export class LinkStanding {
  /** Wakes when the view has changed; closed when there will be no more. */
  readonly changes = new Wakeup();
  readonly #dependencies: StandingDependencies;
  #state: LinkState;
  #sinceMs: number;
  #account: LinkAccount;
  #offer: LinkOffer | undefined;
  #saved: LinkRecord | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(record: LinkRecord | undefined, dependencies: StandingDependencies) {
    this.#dependencies = dependencies;
    const { state, sinceMs, account } = fromLinkRecord(record, dependencies.now());
    this.#state = state;
    this.#sinceMs = sinceMs;
    this.#account = account;
    this.#saved = record;
  }

  get state(): LinkState {
    return this.#state;
  }

  get view(): LinkView {
    return { status: this.#state, sinceMs: this.#sinceMs, ...this.#account, offer: this.#offer };
  }

  /** Shows something to the owner of the phone, or nothing any more. */
  offer(offer: LinkOffer | undefined): void {
    this.#offer = offer;
    this.changes.wake();
  }

  /** Takes an event and returns whether it meant anything. */
  apply(event: LinkEvent): boolean {
    const next = transition(this.#state, event);
    if (next === undefined) return false;
    if (next.state !== this.#state.state) this.#sinceMs = this.#dependencies.now();
    this.#state = next;
    this.changes.wake();
    return true;
  }

  /** Takes what is known of the account, and returns whether it is news. */
  learn(account: LinkAccount): boolean {
    const { phoneJid, lid, pushName } = this.#account;
    if (account.phoneJid === phoneJid && account.lid === lid && account.pushName === pushName) return false;
    this.#account = account;
    this.changes.wake();
    return true;
  }

  /** Makes the record durable that belongs to a state, unless it is already. */
  save(state = this.#state): Promise<void> {
    const record = toLinkRecord({ state, sinceMs: this.#sinceMs, account: this.#account });
    const saved = this.#saving.then(async () => {
      if (this.#saved !== undefined && equals(LinkRecordSchema, this.#saved, record)) return;
      await this.#dependencies.save(record);
      this.#saved = record;
    });
    // Whoever saves hears of the failure; the next one tries again.
    this.#saving = saved.catch(() => undefined);
    return saved;
  }

  /** Tells nobody any more, and resolves when what is being saved is. */
  async close(): Promise<void> {
    await this.#saving;
    this.changes.close();
  }
}

import { expect } from 'vitest';
import type { Message } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Random } from './synthetic-random.js';
import type { Account } from './whatsapp/account.js';
import type { Group } from './whatsapp/groups.js';
import type { LoopbackWhatsApp } from './whatsapp/loopback-whatsapp.js';
import type { Addressing, Peer } from './whatsapp/peer.js';

/** Messages of all roads to one account, in an order of chance, and the list of what was sent and acknowledged, which no daemon sees. */
export class RandomTraffic {
  /** The texts of everything that was sent, by id. */
  readonly sent = new Map<string, string>();
  readonly #people: Peer[];
  readonly #group: Group;

  constructor(
    whatsapp: LoopbackWhatsApp,
    private readonly account: Account,
    private readonly random: Random,
  ) {
    this.#people = [
      whatsapp.addPerson({ phone: '491700000002', lid: '900000000000002', name: 'Anna' }),
      whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' }),
      whatsapp.addPerson({ lid: '900000000000004', name: 'Cem' }),
    ];
    const [creator, ...others] = this.#people;
    if (creator === undefined) throw new Error('nobody writes');
    // Everybody has a LID.
    const members = [account.phone, ...others];
    this.#group = whatsapp.groups.create({ subject: 'G', creator, members, addressing: 'lid' });
  }

  /** Sends so many, one after the other: to people, a group, a channel, by number and by LID. */
  async send(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const conversation = `message ${this.sent.size}`;
      const author = this.random.pick(this.#people);
      const addressing: Addressing = author.phone === undefined || this.random.below(2) === 0 ? 'lid' : 'pn';
      const road = this.random.below(6);
      const options = {
        t: 1_700_000_000 + this.sent.size,
        ...(road === 0 ? { chat: this.#group.jid } : {}),
        ...(road === 1 ? { chat: '120363000000000001@newsletter', form: 'plaintext' as const } : { addressing }),
      };
      const id = await this.account.deliver(author, { conversation }, options);
      this.sent.set(id, conversation);
    }
  }

  /** How often a message was acknowledged, so that the server forgot it. */
  get acknowledged(): string[] {
    return this.account.acknowledgements.entries
      .filter(({ id, kind, lost }) => this.sent.has(id) && kind !== 'retry' && !lost)
      .map(({ id }) => id);
  }

  /** Resolves when so many more were acknowledged than now. */
  async untilAcknowledged(more: number): Promise<void> {
    const { entries } = this.account.acknowledgements;
    const enough = entries.length + more;
    await this.account.acknowledgements.waitFor(() => entries.length >= enough);
  }

  /** Holds what a history has against the list: nothing that was acknowledged is missing, and nothing is there twice. */
  expectWhole(found: Message[]): void {
    const texts = found.map(({ text }) => text);
    const stored = new Set(texts);
    expect(this.acknowledged.map((id) => this.sent.get(id) ?? '').filter((text) => !stored.has(text))).toEqual([]);
    expect(texts.sort()).toEqual([...this.sent.values()].sort());
  }
}

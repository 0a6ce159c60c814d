import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import type {
  LiveActor,
  LiveDelivery,
  LiveEvent,
  LiveKey,
  LiveSource,
  VoteOpener,
} from '../../src/domain/live-event.js';
import { HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { EventSchema, MessageKind, PollSchema, ReactionSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { aLiveMessage, anEvent, aText } from './live-events.js';
import type { MessageDraft } from './page-builder.js';

/** Who is in the account: two with both addresses, one with each alone. */
export const people = {
  anna: { phone: '491701111111@s.whatsapp.net', lid: '7001@lid' },
  bert: { phone: '491702222222@s.whatsapp.net', lid: '7002@lid' },
  carl: { lid: '7003@lid' },
  dora: { phone: '491704444444@s.whatsapp.net' },
} as const;
export type Person = keyof typeof people;
export const GROUP = '120363000000000001@g.us';

/** How many messages there are; their number decides everything else about them. */
export const MESSAGES = 24;
const START = 1_700_000_000_000;
const NAMES: readonly Person[] = ['anna', 'bert', 'carl', 'dora'];

/** What is true of message `n`, whoever tells it. */
export function truthOf(n: number) {
  const chat = n % 5;
  // Safety: the numbers are below the length of `NAMES`.
  const author = n % 4 === 0 ? undefined : chat < 4 ? NAMES[chat]! : NAMES[(n * 7) % 4]!;
  return {
    /** Undefined: the group. */
    chat: NAMES[chat],
    /** Undefined: the owner. */
    author,
    id: `3EB0${String(n).padStart(8, '0')}`,
    sentMs: START + n * 60_000 + (n % 3 === 0 ? 0 : 100 + n),
    isPoll: n % 6 === 5,
    isEvent: n % 6 === 4,
  };
}

/** The address of a person; the LID when it is wanted and known. */
export function addressOf(person: Person, asLid: boolean): string {
  const { phone, lid }: { phone?: string; lid?: string } = people[person];
  return (asLid ? (lid ?? phone) : (phone ?? lid)) ?? '';
}

/** One thing that one source tells of one message. `lids` is which addresses are LIDs: of the chat, of the sender, of who acted. */
export interface Fact {
  n: number;
  lids: [boolean, boolean, boolean];
  /** `backup`: in a row of a backup; else in an event of the link with this source. */
  via: 'backup' | LiveSource;
  tells:
    | { what: 'message' }
    | { what: 'edit'; version: number }
    | { what: 'revocation' }
    | { what: 'reaction'; by: Person | undefined; emoji: string; at: number }
    | { what: 'receipt'; member: Person | undefined; state: LiveDelivery }
    /** Of an event, an answer. */
    | { what: 'vote'; by: Person | undefined; options: number[]; at: number }
    | { what: 'star' }
    /** By the owner, for themselves, under the id of a version of its text (0: its own id); only backups tell it. */
    | { what: 'deletion'; version: number };
}

const anActor = fc.constantFrom<Person | undefined>('anna', 'bert', 'carl', 'dora', undefined);

const tells: fc.Arbitrary<Fact['tells']> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ what: 'message' as const }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('edit' as const), version: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.constant({ what: 'revocation' as const }) },
  {
    weight: 4,
    // Of one person at one moment there is one reaction.
    arbitrary: fc.record({ by: anActor, at: fc.integer({ min: 1, max: 6 }) }).map(({ by, at }) => ({
      what: 'reaction' as const,
      by,
      at,
      emoji: ['', '👍', '❤️'][at % 3] ?? '',
    })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('receipt' as const),
      member: anActor,
      state: fc.constantFrom<LiveDelivery>(2, 3, 4, 5),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ by: anActor, at: fc.integer({ min: 1, max: 6 }) }).map(({ by, at }) => ({
      what: 'vote' as const,
      by,
      at,
      options: [[], [0], [0, 1], [1]][at % 4] ?? [],
    })),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'star' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('deletion' as const), version: fc.constantFrom(0, 0, 0, 1, 2) }),
  },
);

/** Anything that a source may tell. */
export const aFact: fc.Arbitrary<Fact> = fc
  .record({
    n: fc.nat(MESSAGES - 1),
    lids: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    via: fc.constantFrom<Fact['via']>('backup', 'backup', 2, 3, 4),
    tells,
  })
  .map((fact) => {
    const { isPoll, isEvent, author, chat } = truthOf(fact.n);
    const { what } = fact.tells;
    if (what === 'deletion') return { ...fact, via: 'backup' };
    if (what === 'receipt' && (author !== undefined || fact.tells.member === undefined) && chat === undefined) {
      return { ...fact, tells: { what: 'message' } };
    }
    if ((what === 'vote') !== (isPoll || isEvent) && (what === 'vote' || what === 'edit'))
      return { ...fact, tells: { what: 'message' } };
    // Rows of a backup tell no votes here, and no receipts of members.
    return what === 'vote' || what === 'receipt' || what === 'star' ? { ...fact, via: 2 } : fact;
  });

export function editTextOf(n: number, version: number): string {
  return `text ${String(n)} as edited ${String(version)}`;
}
export const editIdOf = (n: number, version: number): string => `EDIT${String(n)}V${String(version)}`;
export const editMsOf = (n: number, version: number): number => truthOf(n).sentMs + version * 5000 + 1;
export const actMsOf = (n: number, at: number): number => truthOf(n).sentMs + at * 1000;
export const revokeMsOf = (n: number): number => truthOf(n).sentMs + 100_000;
export const OPTIONS = ['yes', 'no'];

/** A fact as a row of a backup. */
export function draftOf({ n, lids, tells }: Fact): MessageDraft | { deleted: MessageDraft } {
  const { chat, author, id, sentMs, isPoll, isEvent } = truthOf(n);
  const base: MessageDraft = {
    chat: chat === undefined ? GROUP : addressOf(chat, lids[0]),
    id,
    fromMe: author === undefined,
    sentMs,
    text: `text ${String(n)}`,
    ...(chat === undefined && author !== undefined ? { sender: addressOf(author, lids[1]) } : {}),
    ...(isPoll ? { more: { kind: MessageKind.POLL, waType: 66, poll: aPoll() } } : {}),
    ...(isEvent
      ? { more: { kind: MessageKind.EVENT, waType: 92, event: create(EventSchema, { canceled: lids[1] }) } }
      : {}),
    // Backups of the first schemas do not have it.
    ...((isPoll || isEvent) && lids[2]
      ? { hidden: create(HiddenFactsSchema, { messageSecret: Buffer.from(id) }) }
      : {}),
  };
  switch (tells.what) {
    case 'deletion':
      return { deleted: tells.version === 0 ? base : { ...base, id: editIdOf(n, tells.version) } };
    case 'edit':
      return {
        ...base,
        text: editTextOf(n, tells.version),
        more: {
          editTime: timestampFromMs(editMsOf(n, tells.version)),
          alternateMessageIds: [editIdOf(n, tells.version)],
        },
      };
    case 'revocation':
      return {
        ...base,
        text: '',
        hidden: create(HiddenFactsSchema),
        more: {
          kind: MessageKind.REVOKED,
          waType: 15,
          revocation: {
            $typeName: 'scrollback.v1.Revocation',
            adminJid: '',
            byAdmin: false,
            revokeTime: timestampFromMs(revokeMsOf(n)),
          },
        },
      };
    case 'reaction': {
      const reaction = create(ReactionSchema, {
        senderJid: tells.by === undefined ? '' : addressOf(tells.by, lids[2]),
        fromMe: tells.by === undefined,
        emoji: tells.emoji,
        reactTime: timestampFromMs(actMsOf(n, tells.at)),
      });
      return tells.emoji === ''
        ? { ...base, hidden: { ...(base.hidden ?? create(HiddenFactsSchema)), removedReactions: [reaction] } }
        : { ...base, reactions: [reaction] };
    }
    default:
      return base;
  }
}

/** A fact as events of the link. */
export function eventsOf({ n, lids, via, tells }: Fact): LiveEvent[] {
  const { chat, author, id, sentMs, isPoll, isEvent } = truthOf(n);
  const chatJid = chat === undefined ? GROUP : addressOf(chat, lids[0]);
  const senderJid = author === undefined ? '' : chat === undefined ? addressOf(author, lids[1]) : chatJid;
  const key: LiveKey = { chatJid, senderJid, fromMe: author === undefined, messageId: id };
  const actorOf = (by: Person | undefined): LiveActor => {
    return { jid: by === undefined ? '' : addressOf(by, lids[2]), fromMe: by === undefined };
  };
  switch (tells.what) {
    case 'message': {
      const content = isPoll
        ? {
            ...aText(`text ${String(n)}`),
            kind: MessageKind.POLL,
            waType: 66,
            poll: { options: OPTIONS, selectableCount: 0 },
          }
        : isEvent
          ? { ...aText(`text ${String(n)}`), kind: MessageKind.EVENT, waType: 92, event: anEvent(`about ${String(n)}`) }
          : aText(`text ${String(n)}`);
      const source = via === 'backup' ? 2 : via;
      const secret = isPoll || isEvent ? Buffer.from(id) : undefined;
      return [aLiveMessage(key, { content, source, sentMs: Math.floor(sentMs / 1000) * 1000, secret })];
    }
    case 'edit': {
      const { version } = tells;
      const content = aText(editTextOf(n, version));
      return [{ type: 'edit', key, editId: editIdOf(n, version), editMs: editMsOf(n, version), content }];
    }
    case 'revocation':
      return [{ type: 'revocation', key, revocationId: '', revokeMs: revokeMsOf(n), adminJid: '', byAdmin: false }];
    case 'reaction':
      return [{ type: 'reaction', key, actor: actorOf(tells.by), emoji: tells.emoji, reactMs: actMsOf(n, tells.at) }];
    case 'receipt':
      return [
        { type: 'receipt', key, state: tells.state, memberJid: chat === undefined ? actorOf(tells.member).jid : '' },
      ];
    case 'vote': {
      const payload = Buffer.from(JSON.stringify([tells.options, tells.at, tells.by ?? 'me']));
      const vote = { payload, iv: Buffer.alloc(12), voterNames: [], authorNames: [], eventResponse: isEvent };
      return [{ type: 'sealed-vote', key, actor: actorOf(tells.by), vote, voteMs: actMsOf(n, tells.at) }];
    }
    case 'star':
      return [{ type: 'star', key }];
    case 'deletion':
      return [];
  }
}

/** Opens the votes and the answers of `eventsOf` with the secret of their poll or event. */
export const openVote: VoteOpener = (vote, poll) => {
  if (!Buffer.from(poll.secret).equals(Buffer.from(poll.messageId))) return undefined;
  // Safety: `eventsOf` sealed it.
  const [options, at] = JSON.parse(Buffer.from(vote.payload).toString()) as [number[], number];
  if (vote.eventResponse === true) return { answer: options.length, extraGuestCount: at, responseMs: 0 };
  return options.map((index) =>
    createHash('sha256')
      .update(OPTIONS[index] ?? '')
      .digest(),
  );
};

function aPoll() {
  return create(PollSchema, { options: OPTIONS.map((name) => ({ name })) });
}

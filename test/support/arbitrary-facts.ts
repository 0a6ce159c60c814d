import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { MessageKind, MessageSchema, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { joinFacts, type MessageFacts } from '../../src/store/merge-message.js';

/** Few values, so that two sources often agree and often differ. */
const time = fc.constantFrom(1_700_000_000_000, 1_700_000_000_123, 1_700_000_001_000, 1_700_000_002_500);
const optionalTime = fc
  .option(time, { nil: undefined })
  .map((ms) => (ms === undefined ? undefined : timestampFromMs(ms)));
const person = fc.constantFrom('1@s.whatsapp.net', '2@s.whatsapp.net', '3@lid');
const text = fc.constantFrom('', 'a', 'b', 'longer');

const reaction = fc.record({
  senderJid: person,
  fromMe: fc.constant(false),
  emoji: fc.constantFrom('', '👍', '❤️'),
  reactTime: optionalTime,
});

const response = fc.record({
  responderJid: person,
  fromMe: fc.constant(false),
  answer: fc.constantFrom(0, 1, 2, 3),
  responseTime: optionalTime,
});

const event = fc.record({
  description: text,
  place: text,
  joinLink: text,
  startTime: optionalTime,
  endTime: optionalTime,
  canceled: fc.boolean(),
  extraGuestsAllowed: fc.boolean(),
  responses: fc.array(response, { maxLength: 3 }),
});

const vote = fc.record({
  voterJid: person,
  fromMe: fc.constant(false),
  optionIndexes: fc.constantFrom<number[]>([], [0], [0, 1]),
  voteTime: optionalTime,
});

const channelPost = fc.record({
  serverId: fc.constantFrom(0, 7),
  viewCount: fc.constantFrom(1, 2),
  viewsTime: optionalTime,
  reactions: fc.constantFrom<{ emoji: string; count: number }[]>(
    [],
    [{ emoji: '👍', count: 2 }],
    [{ emoji: '❤️', count: 1 }],
  ),
  forwardCount: fc.constantFrom(0, 1, 2),
  countsTime: optionalTime,
  votes: fc.constantFrom<{ optionSha256: Uint8Array; count: number }[]>(
    [],
    [{ optionSha256: Uint8Array.of(1), count: 2 }],
    [{ optionSha256: Uint8Array.of(2), count: 1 }],
  ),
  votesTime: optionalTime,
});

/** Facts about one message as some source may know them. */
export const arbitraryFacts: fc.Arbitrary<MessageFacts> = fc
  .record({
    kind: fc.constantFrom(
      MessageKind.TEXT,
      MessageKind.IMAGE,
      MessageKind.POLL,
      MessageKind.EVENT,
      MessageKind.PENDING,
      MessageKind.REVOKED,
    ),
    sentTime: optionalTime,
    editTime: optionalTime,
    text,
    caption: text,
    mentions: fc.uniqueArray(person),
    reactions: fc.array(reaction, { maxLength: 4 }),
    votes: fc.array(vote, { maxLength: 3 }),
    event: fc.option(event, { nil: undefined }),
    state: fc.constantFrom(0, 1, 3, 4),
    starred: fc.boolean(),
    size: fc.bigInt(0n, 3n),
    admin: fc.constantFrom('', '1@s.whatsapp.net'),
    source: fc.constantFrom(Source.BACKUP, Source.LIVE),
    senderName: text,
    labels: fc.uniqueArray(
      fc.record({ labelId: fc.constantFrom('1', '2'), given: fc.boolean(), asOfMs: fc.constantFrom(1n, 2n) }),
      { selector: ({ labelId }) => labelId },
    ),
    alternates: fc.uniqueArray(fc.constantFrom('x', 'y')),
    channelPost: fc.option(channelPost, { nil: undefined }),
    secret: fc.constantFrom([], [1], [2]),
    sealed: fc.constantFrom<number[]>([], [1], [2], [1, 2]),
    ordinal: fc.constantFrom(0, 1, 2),
  })
  .map((given) => {
    const revoked = given.kind === MessageKind.REVOKED;
    const content = revoked || given.kind === MessageKind.PENDING ? {} : contentOf(given);
    const message = create(MessageSchema, {
      key: { chatJid: '9@g.us', senderJid: '1@s.whatsapp.net', messageId: 'id' },
      kind: given.kind,
      ...content,
      ...(revoked ? { revocation: { adminJid: given.admin, byAdmin: given.admin !== '' } } : {}),
      ...(given.channelPost === undefined ? {} : { channelPost: withoutUndefined(given.channelPost) }),
      ...(given.sentTime === undefined ? {} : { sentTime: given.sentTime }),
      deliveryState: given.state,
      starred: given.starred,
      sources: [given.source],
      senderName: given.senderName,
      alternateMessageIds: given.alternates.sort(),
    });
    const facts = { message, hidden: create(HiddenFactsSchema), ordinal: given.ordinal };
    const wished = {
      ...facts,
      hidden: create(HiddenFactsSchema, {
        removedReactions: given.reactions.map(withoutUndefined),
        labels: given.labels,
        messageSecret: Uint8Array.from(given.secret),
        sealedVotes: given.sealed.map((byte) => ({ voterJid: '1@s.whatsapp.net', payload: Uint8Array.of(byte) })),
        withdrawnVotes: given.kind === MessageKind.POLL ? given.votes.map(withoutUndefined) : [],
      }),
    };
    // What a source gives is in order: one reaction a person, the removed ones apart.
    return joinFacts(wished, wished);
  });

function contentOf(given: {
  kind: MessageKind;
  text: string;
  caption: string;
  mentions: string[];
  size: bigint;
  event: ArbitraryEvent | undefined;
  editTime: ReturnType<typeof timestampFromMs> | undefined;
}) {
  return {
    text: given.text,
    mentionedJids: given.mentions.sort(),
    ...(given.editTime === undefined ? {} : { editTime: given.editTime }),
    ...(given.kind === MessageKind.IMAGE ? { media: { fileName: given.caption, sizeBytes: given.size } } : {}),
    ...(given.kind === MessageKind.POLL ? { poll: { options: [{ name: 'yes' }, { name: 'no' }] } } : {}),
    ...(given.kind === MessageKind.EVENT && given.event !== undefined ? { event: eventOf(given.event) } : {}),
  };
}

type ArbitraryEvent = typeof event extends fc.Arbitrary<infer T> ? T : never;

function eventOf({ place, responses, ...said }: ArbitraryEvent) {
  return {
    ...withoutUndefined(said),
    ...(place === '' ? {} : { location: { name: place } }),
    responses: responses.map(withoutUndefined),
  };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // Safety: the entries that are undefined are gone.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

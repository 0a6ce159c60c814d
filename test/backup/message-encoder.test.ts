import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeHiddenFacts, writeMessage } from '../../src/backup/msgstore/message-encoder.js';
import { emptyFields, type MessageFields } from '../../src/backup/msgstore/message-fields.js';
import { ProtoWriter } from '../../src/backup/msgstore/proto-writer.js';
import { HiddenFactsSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { MessageSchema, Source } from '../../src/gen/scrollback/v1/message_pb.js';

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const jid = fc.oneof(
  fc.constant(''),
  fc.nat(1e9).map((n) => `${n}@s.whatsapp.net`),
  fc.constant('9'.repeat(123) + '@g.us'),
);
const time = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 253_402_300_799_999 }));
const uint32 = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const int32 = fc.integer();
const bytes = fc.option(
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((value) => Buffer.from(value)),
  { nil: undefined },
);
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const location = fc.record({
  latitude: double,
  longitude: double,
  name: text,
  address: text,
  liveDurationSeconds: uint32,
  finalLatitude: double,
  finalLongitude: double,
  finalMs: time,
});

const fields: fc.Arbitrary<MessageFields> = fc.record({
  chatJid: jid,
  senderJid: jid,
  fromMe: fc.boolean(),
  messageId: text,
  sentMs: time,
  ordinal: fc.nat(),
  kind: fc.nat(24),
  text,
  media: optional(
    fc.record({
      mimeType: text,
      fileName: text,
      filePath: text,
      sizeBytes: fc.oneof(fc.constant(0), fc.maxSafeNat()),
      sha256: bytes,
      encryptedSha256: bytes,
      mediaKey: bytes,
      directPath: text,
      url: text,
      durationSeconds: uint32,
      width: uint32,
      height: uint32,
      transcription: text,
    }),
  ),
  quoted: optional(
    fc.record({
      chatJid: jid,
      senderJid: jid,
      fromMe: fc.boolean(),
      messageId: text,
      kind: fc.nat(24),
      text,
      sentMs: time,
      waType: int32,
    }),
  ),
  mentionedJids: fc.array(
    jid.filter((value) => value !== ''),
    { maxLength: 3 },
  ),
  reactions: fc.array(fc.record({ senderJid: jid, fromMe: fc.boolean(), emoji: text, reactMs: time }), {
    maxLength: 4,
  }),
  editMs: time,
  revocation: optional(fc.record({ revokeMs: time, adminJid: jid, byAdmin: fc.boolean() })),
  forwardScore: uint32,
  deliveryState: fc.nat(5),
  location: optional(location),
  vcards: fc.array(text, { maxLength: 3 }),
  poll: optional(
    fc.record({
      options: fc.array(fc.record({ name: text, voteTotal: uint32 }), { maxLength: 3 }),
      selectableCount: uint32,
      endMs: time,
      votes: fc.array(
        fc.record({
          voterJid: jid,
          fromMe: fc.boolean(),
          optionIndexes: fc.array(uint32, { maxLength: 3 }),
          voteMs: time,
        }),
        { maxLength: 3 },
      ),
    }),
  ),
  event: optional(
    fc.record({
      description: text,
      location: optional(location),
      joinLink: text,
      startMs: time,
      endMs: time,
      canceled: fc.boolean(),
      extraGuestsAllowed: fc.boolean(),
      callScheduled: fc.boolean(),
      responses: fc.array(
        fc.record({
          responderJid: jid,
          fromMe: fc.boolean(),
          answer: fc.nat(3),
          extraGuestCount: uint32,
          responseMs: time,
        }),
        { maxLength: 3 },
      ),
    }),
  ),
  secret: bytes,
  recentSecret: fc.constant(undefined),
  call: optional(
    fc.record({
      callId: text,
      video: fc.boolean(),
      durationSeconds: uint32,
      outcome: fc.nat(2),
      groupJid: jid,
      waResult: int32,
    }),
  ),
  systemEvent: optional(
    fc.record({
      kind: fc.nat(21),
      waAction: int32,
      participantJids: fc.array(
        jid.filter((value) => value !== ''),
        { maxLength: 3 },
      ),
      value: text,
      oldValue: text,
    }),
  ),
  groupInvite: optional(fc.record({ groupJid: jid, groupName: text, inviteCode: text, expireMs: time })),
  linkPreview: optional(fc.record({ url: text, title: text, description: text })),
  starred: fc.boolean(),
  expireMs: time,
  senderName: text,
  waType: int32,
  viewOnce: fc.boolean(),
  album: optional(fc.record({ imageCount: uint32, videoCount: uint32 })),
  albumMessageId: text,
  alternateMessageIds: fc.array(text, { maxLength: 3 }),
  receivedMs: time,
});

function encode(write: (writer: ProtoWriter, fields: MessageFields) => void, message: MessageFields): Buffer {
  const writer = new ProtoWriter(16);
  write(writer, message);
  return writer.buffer.subarray(0, writer.at);
}

describe('an encoded message', () => {
  it('has the bytes that protobuf-es gives it', () => {
    fc.assert(
      fc.property(fields, (message) => {
        const encoded = encode(writeMessage, message);
        const decoded = fromBinary(MessageSchema, encoded);
        expect(decoded.$unknown).toBeUndefined();
        expect(Buffer.from(toBinary(MessageSchema, decoded)).equals(encoded)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('says what the fields say', () => {
    fc.assert(
      fc.property(fields, (message) => {
        const decoded = fromBinary(MessageSchema, encode(writeMessage, message));
        expect(decoded.key?.chatJid).toBe(message.chatJid);
        expect(decoded.key?.messageId).toBe(message.messageId);
        expect(decoded.text).toBe(message.text);
        expect(decoded.waType).toBe(message.waType);
        expect(decoded.sources).toEqual([Source.BACKUP]);
        expect(Number(decoded.sentTime?.seconds ?? 0n) * 1000 + (decoded.sentTime?.nanos ?? 0) / 1e6).toBe(
          message.sentMs,
        );
        expect(decoded.media?.sizeBytes ?? 0n).toBe(BigInt(message.media?.sizeBytes ?? 0));
        expect(decoded.location?.latitude).toBe(message.location?.latitude);
        expect(decoded.contactCards.map((card) => card.vcard)).toEqual(message.vcards);
        expect(decoded.alternateMessageIds).toEqual(message.alternateMessageIds);
        expect(decoded.call?.waResult).toBe(message.call?.waResult);
        expect(decoded.event?.joinLink).toBe(message.event?.joinLink);
        expect(decoded.event?.canceled).toBe(message.event?.canceled);
        expect(decoded.event?.responses.map(({ answer }) => answer)).toEqual(
          message.event?.responses.map(({ answer }) => answer),
        );
      }),
    );
  });

  it('leaves what was taken back, and what opens votes, to the hidden facts, which have their canonical bytes, too', () => {
    fc.assert(
      fc.property(fields, (message) => {
        const shown = fromBinary(MessageSchema, encode(writeMessage, message));
        const encoded = encode(writeHiddenFacts, message);
        const hidden = fromBinary(HiddenFactsSchema, encoded);
        expect(Buffer.from(toBinary(HiddenFactsSchema, hidden)).equals(encoded)).toBe(true);
        expect(shown.reactions.length + hidden.removedReactions.length).toBe(message.reactions.length);
        const votes = (shown.poll?.votes.length ?? 0) + hidden.withdrawnVotes.length;
        expect(votes).toBe(message.poll?.votes.length ?? 0);
        expect(Buffer.from(hidden.messageSecret)).toEqual(message.secret ?? Buffer.alloc(0));
      }),
    );
  });

  it('is next to nothing when the fields say nothing', () => {
    const decoded = fromBinary(MessageSchema, encode(writeMessage, emptyFields()));
    expect(decoded.sentTime).toBeUndefined();
    expect(decoded.media).toBeUndefined();
    expect(encode(writeHiddenFacts, emptyFields()).length).toBe(0);
  });
});

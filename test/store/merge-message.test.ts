import { toJson } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HiddenFactsSchema, SealedVoteSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { EventSchema, MessageKind, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { joinFacts, type MessageFacts } from '../../src/store/merge-message.js';
import { arbitraryFacts } from '../support/arbitrary-facts.js';
import { aMessage, type MessageDraft } from '../support/page-builder.js';

const plain = (facts: MessageFacts) => ({
  message: toJson(MessageSchema, facts.message),
  hidden: toJson(HiddenFactsSchema, facts.hidden),
  ordinal: facts.ordinal,
});

describe('the join of two sources', () => {
  it('does not depend on which came first', () => {
    fc.assert(
      fc.property(arbitraryFacts, arbitraryFacts, (a, b) => {
        expect(plain(joinFacts(a, b))).toEqual(plain(joinFacts(b, a)));
      }),
      { numRuns: 2000 },
    );
  });

  it('does not depend on which two of three were joined first', () => {
    fc.assert(
      fc.property(arbitraryFacts, arbitraryFacts, arbitraryFacts, (a, b, c) => {
        expect(plain(joinFacts(joinFacts(a, b), c))).toEqual(plain(joinFacts(a, joinFacts(b, c))));
      }),
      { numRuns: 2000 },
    );
  });

  it('changes nothing when the same comes again', () => {
    fc.assert(
      fc.property(arbitraryFacts, arbitraryFacts, (a, b) => {
        expect(plain(joinFacts(a, a))).toEqual(plain(a));
        const joined = joinFacts(a, b);
        expect(plain(joinFacts(joined, b))).toEqual(plain(joined));
      }),
      { numRuns: 2000 },
    );
  });

  it('never brings back what was revoked', () => {
    const before = facts({ id: 'a', chat: CHAT, text: 'secret' });
    const after = facts({ id: 'a', chat: CHAT, text: '', more: { kind: MessageKind.REVOKED, waType: 15 } });
    after.message.revocation = { $typeName: 'scrollback.v1.Revocation', adminJid: '', byAdmin: false };
    const { message } = joinFacts(after, before);
    expect(message).toMatchObject({ kind: MessageKind.REVOKED, text: '', waType: 15 });
    expect(message.revocation).toBeDefined();
  });

  it('keeps neither sealed edits of what was revoked nor what opens them', () => {
    const sealed = create(SealedVoteSchema, { editId: 'b', payload: Uint8Array.of(1), iv: Uint8Array.of(2) });
    const before = facts({ id: 'a', chat: CHAT, text: 'secret' });
    before.hidden.messageSecret = Uint8Array.of(3);
    before.hidden.sealedVotes = [sealed];
    expect(joinFacts(before, before).hidden).toMatchObject({ sealedVotes: [sealed] });
    const after = facts({ id: 'a', chat: CHAT, text: '', more: { kind: MessageKind.REVOKED, waType: 15 } });
    expect(toJson(HiddenFactsSchema, joinFacts(after, before).hidden)).toEqual({});
    expect(toJson(HiddenFactsSchema, joinFacts(before, after).hidden)).toEqual({});
  });

  it('keeps the text of the later edit', () => {
    const old = facts({ id: 'a', chat: CHAT, text: 'a much longer text before' });
    const edited = facts({
      id: 'a',
      chat: CHAT,
      text: 'after',
      more: { editTime: timestampFromMs(1_700_000_100_000) },
    });
    expect(joinFacts(edited, old).message.text).toBe('after');
  });

  it('does not bring a removed reaction back from an older source, and takes a newer one', () => {
    const react = (ms: number, emoji: string) => ({
      $typeName: 'scrollback.v1.Reaction' as const,
      senderJid: CHAT,
      fromMe: false,
      emoji,
      reactTime: timestampFromMs(ms),
    });
    const old = facts({ id: 'a', chat: CHAT, more: { reactions: [react(1000, '👍')] } });
    const removed = facts({ id: 'a', chat: CHAT });
    removed.hidden.removedReactions = [react(2000, '')];
    const newer = facts({ id: 'a', chat: CHAT, more: { reactions: [react(3000, '❤️')] } });
    expect(joinFacts(removed, old).message.reactions).toEqual([]);
    expect(joinFacts(joinFacts(removed, old), newer).message.reactions.map(({ emoji }) => emoji)).toEqual(['❤️']);
  });

  it('fills a placeholder with the content that arrived', () => {
    const pending = facts({ id: 'a', chat: CHAT, text: '', more: { kind: MessageKind.PENDING, waType: 11 } });
    const real = facts({ id: 'a', chat: CHAT, text: 'here it is' });
    expect(joinFacts(pending, real).message).toMatchObject({ kind: MessageKind.TEXT, text: 'here it is', waType: 0 });
  });

  it('knows of an event what either source knows, and of two edits what the later one says', () => {
    const draft = (event: MessageInitShape<typeof EventSchema>, editMs?: number): MessageDraft => ({
      id: 'a',
      chat: CHAT,
      more: {
        kind: MessageKind.EVENT,
        event: create(EventSchema, event),
        ...(editMs === undefined ? {} : { editTime: timestampFromMs(editMs) }),
      },
    });
    const told = draft({ description: 'With a barbecue', extraGuestsAllowed: true });
    const calledOff = draft({ canceled: true, location: { name: 'The park' } });
    expect(joinFacts(facts(told), facts(calledOff)).message.event).toMatchObject({
      description: 'With a barbecue',
      extraGuestsAllowed: true,
      canceled: true,
      location: { name: 'The park' },
    });
    const later = draft({ description: 'Indoors' }, 2000);
    const earlier = draft({ description: 'In the park', location: { name: 'The park' } }, 1000);
    const { event } = joinFacts(facts(earlier), facts(later)).message;
    expect(event).toMatchObject({ description: 'Indoors' });
    expect(event?.location).toBeUndefined();
  });

  it('never lets an older receipt undo a later one', () => {
    const read = facts({ id: 'a', chat: CHAT, fromMe: true, more: { deliveryState: 4 } });
    const sent = facts({ id: 'a', chat: CHAT, fromMe: true, more: { deliveryState: 2 } });
    expect(joinFacts(read, sent).message.deliveryState).toBe(4);
  });
});

const CHAT = '491701234567@s.whatsapp.net';

function facts(draft: MessageDraft): MessageFacts {
  return { message: aMessage(draft), hidden: create(HiddenFactsSchema), ordinal: 0 };
}

import type { proto } from '@whiskeysockets/baileys';
import { proto as wire } from '@whiskeysockets/baileys';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventAnswer, MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { type CapturedHistory, type CapturedLink } from '../support/captured-link.js';
import { ANNA, ANNA_LID, BEN, BEN_LID, closeCaptured, openCaptured, OWNER } from '../support/captured-stage.js';
import { answerEvent } from '../support/whatsapp/event-response.js';
import { editEvent } from '../support/whatsapp/sealed-edit.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';

const { EventResponseType: Type } = wire.Message.EventResponseMessage;
const START_S = 1_800_000_000;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let ben: Peer;
let group: Group;
let eventId: string;
let addressing: 'pn' | 'lid';
const secret = randomBytes(32);
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [link.account.phone, ben] });
  addressing = 'pn';
  eventId = randomBytes(10).toString('hex').toUpperCase();
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Delivers a message of the group and waits until the client has acknowledged it. */
async function deliver(author: Peer, message: proto.IMessage, id?: string): Promise<void> {
  const options = { chat: group.jid, addressing, ...(id === undefined ? {} : { id }) };
  await link.account.acknowledged(await link.account.deliver(author, message, options));
}

const invite = (more: proto.Message.IEventMessage = {}) =>
  deliver(
    anna,
    {
      messageContextInfo: { messageSecret: secret },
      eventMessage: {
        name: 'Picnic',
        description: 'Bring a hat',
        startTime: START_S,
        endTime: START_S + 3600,
        extraGuestsAllowed: true,
        location: { degreesLatitude: 52.5, degreesLongitude: 13.4, name: 'The park' },
        ...more,
      },
    },
    eventId,
  );

type Sealing = Partial<Parameters<typeof answerEvent>[0]>;
const sealed = (responder: string, response: proto.Message.IEventResponseMessage, more: Sealing = {}) => {
  const eventKey = { remoteJid: group.jid, participant: ANNA, fromMe: false, id: eventId };
  return {
    encEventResponseMessage: answerEvent({ eventKey, eventAuthor: ANNA, responder, secret, response, ...more }),
  };
};
const answered = async () => (await history.messages()).map(({ event }) => event?.responses ?? []);

describe('an event', () => {
  it('is stored with what it says', async () => {
    await invite();
    expect(await history.messages()).toMatchObject([
      {
        kind: MessageKind.EVENT,
        text: 'Picnic',
        event: {
          description: 'Bring a hat',
          startTime: { seconds: BigInt(START_S) },
          endTime: { seconds: BigInt(START_S + 3600) },
          extraGuestsAllowed: true,
          location: { latitude: 52.5, longitude: 13.4, name: 'The park' },
          responses: [],
        },
      },
    ]);
  });
});

describe('answers to an event', () => {
  it('are stored, those that came before it as well as those after', async () => {
    await deliver(ben, sealed(BEN, { response: Type.GOING, timestampMs: 5000, extraGuestCount: 2 }));
    expect(await history.messages()).toEqual([]);
    await invite();
    await deliver(link.account.phone, sealed(OWNER, { response: Type.MAYBE, timestampMs: 6000 }));
    await deliver(anna, sealed(ANNA, { response: Type.NOT_GOING, timestampMs: 7000 }));
    expect(await answered()).toMatchObject([
      [
        { responderJid: ANNA, answer: EventAnswer.NOT_GOING, extraGuestCount: 0, responseTime: { seconds: 7n } },
        { responderJid: BEN, answer: EventAnswer.GOING, extraGuestCount: 2, responseTime: { seconds: 5n } },
        { responderJid: '', fromMe: true, answer: EventAnswer.MAYBE },
      ],
    ]);
  });

  it('are one of each person, the latest, in whatever order they came and however often', async () => {
    const last = sealed(BEN, { response: Type.NOT_GOING, timestampMs: 9000 });
    await deliver(ben, last);
    await deliver(ben, sealed(BEN, { response: Type.GOING, timestampMs: 5000 }));
    await invite();
    await deliver(ben, sealed(BEN, { response: Type.MAYBE, timestampMs: 8000 }));
    await deliver(ben, last);
    expect(await answered()).toMatchObject([[{ responderJid: BEN, answer: EventAnswer.NOT_GOING }]]);
  });

  it('are of the person in a group of LIDs too, whichever of the addresses they were sealed under', async () => {
    addressing = 'lid';
    const members = [link.account.phone, ben];
    group = whatsapp.groups.create({ subject: 'L', creator: anna, members, addressing: 'lid' });
    const eventKey = { remoteJid: group.jid, participant: ANNA_LID, fromMe: false, id: eventId };
    await deliver(ben, sealed(BEN, { response: Type.GOING, timestampMs: 5000 }, { eventKey }));
    await invite();
    expect(await answered()).toMatchObject([[{ responderJid: BEN, answer: EventAnswer.GOING }]]);
    const answer = { response: Type.NOT_GOING, timestampMs: 6000 };
    await deliver(ben, sealed(BEN_LID, answer, { eventKey, eventAuthor: ANNA_LID }));
    expect(await answered()).toMatchObject([[{ responderJid: BEN, answer: EventAnswer.NOT_GOING }]]);
  });

  it('of somebody else, too large ones and those that nothing opens are no answers', async () => {
    await invite({ name: 'Dinner' });
    const bens = sealed(BEN, { response: Type.GOING, timestampMs: 5000 });
    // Anna knows the secret, and has seen what Ben sent.
    await deliver(anna, bens);
    await deliver(anna, sealed(BEN, { response: Type.NOT_GOING, timestampMs: 6000 }));
    await deliver(ben, sealed(BEN, { response: Type.GOING }, { secret: randomBytes(32) }));
    await deliver(ben, { encEventResponseMessage: { ...bens.encEventResponseMessage, encPayload: randomBytes(9000) } });
    await deliver(ben, { encEventResponseMessage: { ...bens.encEventResponseMessage, encIv: Buffer.alloc(0) } });
    await deliver(ben, { encEventResponseMessage: {} });
    expect(await history.messages()).toMatchObject([
      { kind: MessageKind.EVENT, text: 'Dinner', event: { responses: [] } },
    ]);
    await deliver(ben, sealed(BEN, { response: 77 as 1, timestampMs: 2 ** 60, extraGuestCount: -5 }));
    expect(await answered()).toMatchObject([
      [{ responderJid: BEN, answer: EventAnswer.UNSPECIFIED, extraGuestCount: 0 }],
    ]);
  });

  it('with the secret of a poll leave the poll', async () => {
    await deliver(
      anna,
      { messageContextInfo: { messageSecret: secret }, pollCreationMessage: { name: 'well?', options: [] } },
      eventId,
    );
    await deliver(ben, sealed(BEN, { response: Type.GOING, timestampMs: 5000 }));
    expect(await history.messages()).toMatchObject([{ kind: MessageKind.POLL, text: 'well?' }]);
  });

  it('come with history as well', async () => {
    const key = { remoteJid: group.jid, participant: ANNA, fromMe: false, id: eventId };
    const eventResponses = [
      {
        eventResponseMessageKey: { remoteJid: group.jid, participant: BEN, fromMe: false, id: 'R1' },
        timestampMs: 5000,
        eventResponseMessage: { response: Type.GOING, timestampMs: 5000 },
      },
      { eventResponseMessageKey: { fromMe: true }, timestampMs: 6000, eventResponseMessage: { response: Type.MAYBE } },
    ];
    const message = {
      key,
      messageTimestamp: 1_700_000_000,
      message: { eventMessage: { name: 'Picnic' } },
      eventResponses,
    };
    await link.account.pushHistory(
      { syncType: 3, conversations: [{ id: group.jid, messages: [{ message }] }] },
      'inline',
    );
    await expect.poll(answered).toMatchObject([
      [
        { responderJid: BEN, answer: EventAnswer.GOING },
        { fromMe: true, answer: EventAnswer.MAYBE, responseTime: { seconds: 6n } },
      ],
    ]);
  });
});

describe('an edit of an event', () => {
  const T = 1_700_000_000;
  const edited = (event: proto.Message.IEventMessage, more: Partial<Parameters<typeof editEvent>[0]> = {}) => {
    const eventKey = { remoteJid: group.jid, participant: ANNA, fromMe: false, id: eventId };
    return editEvent({ eventKey, author: ANNA, secret, event, ...more });
  };
  const change = async (author: Peer, message: proto.IMessage, t: number) => {
    const id = await link.account.deliver(author, message, { chat: group.jid, addressing, t });
    await link.account.acknowledged(id);
    return id;
  };
  const stored = async () => (await history.messages())[0];

  it('changes what the event says, and who answered stays', async () => {
    await invite();
    await deliver(ben, sealed(BEN, { response: Type.GOING, timestampMs: 5000 }));
    const dinner = { name: 'Dinner', startTime: START_S + 60, isCanceled: true, location: { name: 'Home' } };
    const id = await change(anna, edited(dinner), T);
    const event = await stored();
    expect(event).toMatchObject({
      kind: MessageKind.EVENT,
      text: 'Dinner',
      editTime: { seconds: BigInt(T) },
      alternateMessageIds: [id],
      event: {
        description: '',
        canceled: true,
        extraGuestsAllowed: false,
        startTime: { seconds: BigInt(START_S + 60) },
        location: { name: 'Home', latitude: 0 },
        responses: [{ responderJid: BEN, answer: EventAnswer.GOING }],
      },
    });
    expect(event?.event?.endTime).toBeUndefined();
  });

  it('counts by when it was made, also those that came before the event', async () => {
    await change(anna, edited({ name: 'third' }), T + 20);
    await change(anna, edited({ name: 'second' }, { bare: true }), T + 10);
    expect(await history.messages()).toEqual([]);
    await invite();
    expect(await stored()).toMatchObject({ text: 'third', editTime: { seconds: BigInt(T + 20) } });
    await change(anna, edited({ name: 'fourth', isCanceled: true }, { bare: true }), T + 30);
    await change(anna, edited({ name: 'first' }), T);
    expect(await stored()).toMatchObject({ text: 'fourth', event: { canceled: true } });
    expect(await history.messages()).toHaveLength(1);
  });

  it('is opened under whichever of the addresses it was sealed, in a group of LIDs too', async () => {
    addressing = 'lid';
    group = whatsapp.groups.create({ subject: 'L', creator: anna, members: [link.account.phone], addressing: 'lid' });
    await invite();
    await change(anna, edited({ name: 'by number' }, { author: ANNA, editor: ANNA_LID }), T);
    expect(await stored()).toMatchObject({ text: 'by number' });
    await change(anna, edited({ name: 'by LID' }, { author: ANNA_LID }), T + 10);
    expect(await stored()).toMatchObject({ text: 'by LID' });
  });

  it('of the owner is one too', async () => {
    const eventKey = { remoteJid: group.jid, fromMe: true, id: eventId };
    const mine = { messageContextInfo: { messageSecret: secret }, eventMessage: { name: 'Mine' } };
    await deliver(link.account.phone, mine, eventId);
    await change(link.account.phone, edited({ name: 'Ours' }, { eventKey, author: OWNER }), T);
    expect(await history.messages()).toMatchObject([{ text: 'Ours', key: { fromMe: true } }]);
  });

  it('of somebody else, with another secret or without an event leaves it', async () => {
    await invite();
    // Ben knows the secret, and what the key of Anna's event is.
    await change(ben, edited({ name: 'Bens' }, { editor: BEN }), T);
    await change(ben, edited({ name: 'Bens' }), T);
    await change(anna, edited({ name: 'Other' }, { secret: randomBytes(32) }), T);
    await change(anna, edited({ description: 'No name' }, { bare: true }), T);
    await change(anna, { secretEncryptedMessage: { secretEncType: 1 } }, T);
    expect(await history.messages()).toMatchObject([{ text: 'Picnic', event: { description: 'Bring a hat' } }]);
    expect((await stored())?.editTime).toBeUndefined();
  });
});

import { proto } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import { type LiveContent, type LiveEvent, liveSource } from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { convertMessage } from '../../src/whatsapp/convert-message.js';
import type { WireMessage } from '../../src/whatsapp/envelope.js';

const ME = { phone: '491700000001@s.whatsapp.net', lid: '900000000000001@lid' };
const ANNA = '491700000002@s.whatsapp.net';
const ANNA_LID = '900000000000002@lid';
const BEN = '491700000003@s.whatsapp.net';
const GROUP = '120363000000000001@g.us';
const { Type } = proto.Message.ProtocolMessage;
const { StubType } = proto.WebMessageInfo;

function convert(info: WireMessage): LiveEvent[] {
  return convertMessage({ messageTimestamp: 1_700_000_000, ...info }, { me: ME, source: liveSource.live });
}

/** What a message of Anna in the direct chat says. */
function contentOf(message: proto.IMessage): LiveContent | undefined {
  const [event] = convert({ key: { remoteJid: ANNA, id: 'A' }, message });
  return event?.type === 'message' ? event.message.content : undefined;
}

const file = { fileLength: 12, mimetype: 'a/b', fileSha256: new Uint8Array([1]), width: 3, height: 4 };
const kind = messageKind;

describe('the content of a message', () => {
  it.each<[string, proto.IMessage, Partial<LiveContent>]>([
    ['a text', { conversation: 'hi' }, { kind: kind.text, waType: 0, text: 'hi' }],
    ['a text with more', { extendedTextMessage: { text: 'hi' } }, { kind: kind.text, waType: 0, text: 'hi' }],
    [
      'a link',
      { extendedTextMessage: { text: 'x https://a.b', matchedText: 'https://a.b', title: 'T', description: 'D' } },
      { linkPreview: { url: 'https://a.b', title: 'T', description: 'D' } },
    ],
    ['a picture', { imageMessage: { ...file, caption: 'c' } }, { kind: kind.image, waType: 1, text: 'c' }],
    ['a video', { videoMessage: file }, { kind: kind.video, waType: 3 }],
    ['a gif', { videoMessage: { ...file, gifPlayback: true } }, { kind: kind.gif, waType: 13 }],
    ['a video note', { ptvMessage: file }, { kind: kind.videoNote, waType: 81 }],
    ['a song', { audioMessage: file }, { kind: kind.audio, waType: 2 }],
    ['a voice note', { audioMessage: { ...file, ptt: true } }, { kind: kind.voice, waType: 2 }],
    ['a sticker', { stickerMessage: file }, { kind: kind.sticker, waType: 20 }],
    ['a contact', { contactMessage: { vcard: 'V' } }, { kind: kind.contact, waType: 4, vcards: ['V'] }],
    [
      'contacts',
      { contactsArrayMessage: { contacts: [{ vcard: 'V' }, { vcard: 'W' }] } },
      { kind: kind.contact, waType: 14, vcards: ['V', 'W'] },
    ],
    [
      'a place',
      { locationMessage: { degreesLatitude: 1, degreesLongitude: 2, name: 'N' } },
      { kind: kind.location, waType: 5, location: { latitude: 1, longitude: 2, name: 'N', address: '' } },
    ],
    ['a live location', { liveLocationMessage: { degreesLatitude: 1 } }, { kind: kind.liveLocation, waType: 16 }],
    [
      'a poll',
      { pollCreationMessageV3: { name: 'Q', options: [{ optionName: 'a' }], selectableOptionsCount: 1 } },
      { kind: kind.poll, waType: 66, text: 'Q', poll: { options: ['a'], selectableCount: 1 } },
    ],
    [
      'an invitation',
      { groupInviteMessage: { groupJid: GROUP, groupName: 'G', inviteCode: 'C', inviteExpiration: 5 } },
      {
        kind: kind.groupInvite,
        waType: 24,
        groupInvite: { groupJid: GROUP, groupName: 'G', inviteCode: 'C', expireMs: 5000 },
      },
    ],
    [
      'an album',
      { albumMessage: { expectedImageCount: 2 } },
      { kind: kind.album, waType: 99, album: { imageCount: 2, videoCount: 0 } },
    ],
    ['an event', { eventMessage: { name: 'E' } }, { kind: kind.event, waType: 92, text: 'E' }],
    ['a product', { productMessage: { product: { title: 'P' } } }, { kind: kind.product, waType: 23, text: 'P' }],
    ['an order', { orderMessage: { message: 'O' } }, { kind: kind.order, waType: 44, text: 'O' }],
    ['a list', { listMessage: { description: 'L' } }, { kind: kind.interactive, text: 'L' }],
    [
      'a reply by button',
      { buttonsResponseMessage: { selectedDisplayText: 'B' } },
      { kind: kind.interactive, text: 'B' },
    ],
    ['something unknown', { requestPhoneNumberMessage: {} }, { kind: kind.unknown, waType: 0 }],
  ])('%s', (_, message, expected) => {
    expect(contentOf(message)).toMatchObject(expected);
  });

  it('is found in every wrapper', () => {
    const message = { imageMessage: file };
    expect(contentOf({ ephemeralMessage: { message } })).toMatchObject({ kind: kind.image, viewOnce: false });
    expect(contentOf({ viewOnceMessageV2: { message } })).toMatchObject({
      kind: kind.image,
      waType: 42,
      viewOnce: true,
    });
    expect(contentOf({ deviceSentMessage: { message: { ephemeralMessage: { message } } } })).toMatchObject({
      kind: kind.image,
    });
    const document = { documentMessage: { ...file, fileName: 'f', caption: 'c' } };
    expect(contentOf({ documentWithCaptionMessage: { message: document } })).toMatchObject({
      kind: kind.document,
      waType: 9,
      text: 'c',
      media: { fileName: 'f', sizeBytes: 12 },
    });
  });

  it('says what it replies to, whom it mentions, and how often it was forwarded', () => {
    const contextInfo = {
      stanzaId: 'Q',
      participant: ME.lid,
      quotedMessage: { conversation: 'before' },
      mentionedJid: ['491700000003:7@s.whatsapp.net', ANNA_LID],
      forwardingScore: 127,
      isForwarded: true,
    };
    expect(contentOf({ extendedTextMessage: { text: 'hi', contextInfo } })).toMatchObject({
      quoted: { chatJid: ANNA, senderJid: '', fromMe: true, messageId: 'Q', kind: kind.text, text: 'before' },
      mentionedJids: [BEN, ANNA_LID],
      forwardScore: 127,
    });
  });

  it('is nothing when it is only for devices', () => {
    expect(convert({ key: { remoteJid: ANNA, id: 'A' }, message: { senderKeyDistributionMessage: {} } })).toEqual([]);
    const protocolMessage = { type: Type.APP_STATE_SYNC_KEY_SHARE };
    expect(convert({ key: { remoteJid: ME.phone, id: 'A', fromMe: true }, message: { protocolMessage } })).toEqual([]);
  });
});

describe('the identity of a message', () => {
  it.each<[string, WireMessage['key'], object]>([
    [
      'direct',
      { remoteJid: '491700000002:3@s.whatsapp.net', id: 'A' },
      { chatJid: ANNA, senderJid: ANNA, fromMe: false },
    ],
    ['of the owner', { remoteJid: ANNA, id: 'A', fromMe: true }, { chatJid: ANNA, senderJid: '', fromMe: true }],
    [
      'in a group',
      { remoteJid: GROUP, id: 'A', participant: ANNA },
      { chatJid: GROUP, senderJid: ANNA, fromMe: false },
    ],
    [
      'by a broadcast list',
      { remoteJid: '1@broadcast', id: 'A', participant: ANNA },
      { chatJid: ANNA, senderJid: ANNA },
    ],
    [
      'a status',
      { remoteJid: 'status@broadcast', id: 'A', participant: ANNA },
      { chatJid: 'status@broadcast', senderJid: ANNA },
    ],
  ])('%s', (_, key, expected) => {
    const [event] = convert({ key: key ?? null, message: { conversation: 'x' } });
    expect(event).toMatchObject({ type: 'message', message: { key: expected } });
  });

  it('tells which number a LID stands for, and never that somebody is the owner', () => {
    expect(
      convert({ key: { remoteJid: ANNA_LID, remoteJidAlt: ANNA, id: 'A' }, message: { conversation: 'x' } }),
    ).toContainEqual({
      type: 'lid-mapping',
      lid: ANNA_LID,
      phone: ANNA,
    });
    const mine = { remoteJid: ANNA_LID, remoteJidAlt: ME.phone, id: 'A', fromMe: true };
    expect(convert({ key: mine, message: { conversation: 'x' } }).map(({ type }) => type)).toEqual(['message']);
  });
});

describe('a message about another one', () => {
  const protocol = (key: WireMessage['key'], target: proto.IMessageKey, type = Type.REVOKE) =>
    convert({
      key: key ?? null,
      message: { protocolMessage: { type, key: target, editedMessage: { conversation: 'new' } } },
    });

  it('takes back what its author wrote', () => {
    expect(protocol({ remoteJid: ANNA, id: 'R' }, { remoteJid: ME.phone, fromMe: true, id: 'A' })).toMatchObject([
      { type: 'revocation', key: { chatJid: ANNA, senderJid: ANNA, fromMe: false, messageId: 'A' }, byAdmin: false },
    ]);
    expect(protocol({ remoteJid: ANNA, id: 'R', fromMe: true }, { fromMe: true, id: 'A' })).toMatchObject([
      { type: 'revocation', key: { chatJid: ANNA, senderJid: '', fromMe: true, messageId: 'A' }, byAdmin: false },
    ]);
  });

  it('takes back nothing of somebody else where there are no admins, whatever it names', () => {
    const named = { fromMe: false, id: 'A', participant: BEN };
    for (const remoteJid of [ANNA, 'status@broadcast', '120363000000000009@newsletter']) {
      expect(protocol({ remoteJid, id: 'R', participant: ANNA }, named)).toMatchObject([
        { type: 'revocation', key: { senderJid: ANNA, fromMe: false, messageId: 'A' }, byAdmin: false },
      ]);
    }
  });

  it('takes back, as an admin, what somebody else wrote', () => {
    const key = { remoteJid: GROUP, id: 'R', participant: ANNA };
    expect(protocol(key, { remoteJid: GROUP, fromMe: false, id: 'A', participant: BEN })).toMatchObject([
      { type: 'revocation', key: { chatJid: GROUP, senderJid: BEN, fromMe: false }, byAdmin: true, adminJid: ANNA },
    ]);
    expect(protocol(key, { remoteJid: GROUP, fromMe: false, id: 'A', participant: ME.lid })).toMatchObject([
      { type: 'revocation', key: { senderJid: '', fromMe: true }, byAdmin: true },
    ]);
  });

  it('edits only what its own author wrote', () => {
    const key = { remoteJid: GROUP, id: 'E', participant: ANNA };
    expect(protocol(key, { fromMe: false, id: 'A', participant: BEN }, Type.MESSAGE_EDIT)).toMatchObject([
      { type: 'edit', key: { senderJid: ANNA, messageId: 'A' }, editId: 'E', content: { text: 'new' } },
    ]);
  });

  it.each<[string, WireMessage['key'], proto.IMessageKey, object]>([
    [
      'of the other side to theirs',
      { remoteJid: ANNA, id: 'X' },
      { fromMe: true, id: 'A' },
      { senderJid: ANNA, fromMe: false },
    ],
    [
      'of the other side to mine',
      { remoteJid: ANNA, id: 'X' },
      { fromMe: false, id: 'A' },
      { senderJid: '', fromMe: true },
    ],
    [
      'of mine to theirs',
      { remoteJid: ANNA, id: 'X', fromMe: true },
      { fromMe: false, id: 'A' },
      { senderJid: ANNA, fromMe: false },
    ],
    [
      'in a group to a third',
      { remoteJid: GROUP, id: 'X', participant: ANNA },
      { fromMe: false, id: 'A', participant: BEN },
      { senderJid: BEN, fromMe: false },
    ],
    [
      'in a group to mine',
      { remoteJid: GROUP, id: 'X', participant: ANNA },
      { fromMe: false, id: 'A', participant: ME.phone },
      { senderJid: '', fromMe: true },
    ],
  ])('reacts: %s', (_, key, target, expected) => {
    const message = { reactionMessage: { key: target, text: '👍', senderTimestampMs: 7 } };
    const events = convert({ key: key ?? null, message });
    expect(events).toMatchObject([{ type: 'reaction', key: { messageId: 'A', ...expected }, emoji: '👍', reactMs: 7 }]);
  });

  it('from the phone counts only from the own phone', () => {
    const resent = proto.WebMessageInfo.encode({
      key: { remoteJid: ANNA, id: 'A', fromMe: false },
      message: { conversation: 'again' },
    }).finish();
    const peerDataOperationRequestResponseMessage = {
      peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes: resent } }],
    };
    const type = Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE;
    const message = { protocolMessage: { type, peerDataOperationRequestResponseMessage } };
    expect(convert({ key: { remoteJid: ME.phone, id: 'X', fromMe: true }, message })).toMatchObject([
      { type: 'message', message: { key: { chatJid: ANNA, messageId: 'A' }, content: { text: 'again' } } },
    ]);
    expect(convert({ key: { remoteJid: ANNA, id: 'X' }, message })).toEqual([]);
  });
});

describe('a message of the system', () => {
  const stub = (messageStubType: number, messageStubParameters: string[], key: object = {}) =>
    convert({ key: { remoteJid: GROUP, id: 'S', participant: ANNA, ...key }, messageStubType, messageStubParameters });

  it('says who came, live with both names, and changes the group', () => {
    const person = JSON.stringify({ id: ANNA_LID, phoneNumber: BEN, admin: null });
    expect(stub(StubType.GROUP_PARTICIPANT_ADD, [person])).toMatchObject([
      { type: 'lid-mapping', lid: ANNA_LID, phone: BEN },
      {
        type: 'message',
        message: { content: { kind: kind.system, systemEvent: { kind: 4, participantJids: [ANNA_LID] } } },
      },
      { type: 'group-change', change: { jid: GROUP, change: 'add', members: [{ jid: ANNA_LID, fromMe: false }] } },
    ]);
    expect(stub(StubType.GROUP_PARTICIPANT_REMOVE, [BEN])).toMatchObject([
      { type: 'message', message: { content: { systemEvent: { kind: 6, participantJids: [BEN] } } } },
      { type: 'group-change' },
    ]);
  });

  it('is a placeholder, a revocation, a missed call, or a notice of any kind', () => {
    expect(stub(StubType.CIPHERTEXT, ['Bad MAC'])).toMatchObject([
      { message: { content: { kind: kind.pending, waType: 11 } } },
    ]);
    expect(stub(StubType.REVOKE, [])).toMatchObject([{ message: { revocation: { byAdmin: false } } }]);
    expect(stub(StubType.CALL_MISSED_VIDEO, [], { remoteJid: ANNA, participant: null })).toMatchObject([
      { message: { content: { kind: kind.call, call: { video: true, outcome: 2 } } } },
    ]);
    expect(stub(StubType.COMMUNITY_CREATE, [])).toMatchObject([{ message: { content: { systemEvent: { kind: 1 } } } }]);
  });
});

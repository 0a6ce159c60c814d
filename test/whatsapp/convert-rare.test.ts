import type { proto } from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { type LiveEvent, liveSource } from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { convertMessage } from '../../src/whatsapp/convert-message.js';

const ANNA = '491700000002@s.whatsapp.net';

function convert(message: proto.IMessage): LiveEvent[] {
  const info = { key: { remoteJid: ANNA, id: 'A1' }, messageTimestamp: 1_700_000_000, message };
  return convertMessage(info, { me: { phone: '491700000001@s.whatsapp.net', lid: '' }, source: liveSource.live });
}

it('a pack of stickers says what it is called, and what it replies to', () => {
  const contextInfo = { stanzaId: 'Q', participant: ANNA };
  const pack = { name: 'Cats', publisher: 'P', stickers: [{ fileName: 'a.webp' }], contextInfo };
  expect(convert({ stickerPackMessage: pack })).toMatchObject([
    { type: 'message', message: { content: { kind: messageKind.unknown, text: 'Cats', quoted: { messageId: 'Q' } } } },
  ]);
  expect(convert({ stickerPackMessage: { ...pack, caption: 'look' } })).toMatchObject([
    { message: { content: { text: 'look' } } },
  ]);
});

it('that a message is kept, which would disappear, is no message', () => {
  const keepInChatMessage = { key: { remoteJid: ANNA, fromMe: true, id: 'K1' }, keepType: 1, timestampMs: 5000 };
  expect(convert({ keepInChatMessage })).toEqual([]);
  expect(convert({ ephemeralMessage: { message: { keepInChatMessage } } })).toEqual([]);
});

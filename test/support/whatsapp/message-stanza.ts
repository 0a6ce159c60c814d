import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { proto } from '@whiskeysockets/baileys';
import type { Companion } from './companion.js';
import type { Attributes } from './nodes.js';
import { node, nowSeconds } from './nodes.js';
import type { Addressing, Encrypted, Peer } from './peer.js';

/**
 * How the content of a message travels: encrypted, readable (as newsletters are, and for tests of many messages), readable
 * and no message (`broken`) or nothing (`empty`, as what is deleted in newsletters), as bytes that nobody can decrypt, as a bot seals it, in a way that no client knows,
 * not at all ("Message absent from node"), or to the phone alone, to be opened once.
 */
export type Form = 'signal' | 'plaintext' | 'broken' | 'empty' | 'garbage' | 'bot' | 'unknown' | 'absent' | 'view-once';

/** How a message is delivered; everything has a default. */
export interface DeliverOptions {
  id?: string;
  /** A group, `status@broadcast`, a newsletter; of an own phone also the person it writes to. The author's own chat by default. */
  chat?: Peer | string;
  /** By which name the stanza calls the author; the number by default. */
  addressing?: Addressing;
  /** Whether the stanza also tells the author's other name. True for LIDs, false for numbers, unless said. */
  tellsOther?: boolean;
  /** Seconds since 1970; now by default. */
  t?: number;
  form?: Form;
  /** Marks the stanza as one of the time away although the device is there. */
  offline?: boolean;
  /** `peer` for what an own phone says to its companion, not to a chat. */
  category?: 'peer';
  /** When the device asks again for what it could not decrypt: send it anew, in a new session. */
  onRetry?: 'send-anew';
  /** More attributes, or others. */
  attributes?: Attributes;
  /** The attributes of a node that stands beside the content. */
  meta?: Attributes;
}

/** What a message is made of. */
export interface Letter {
  author: Peer;
  /** Whether the author is the own phone of the device it goes to. */
  own: boolean;
  to: Companion;
  message: proto.IMessage;
  options: DeliverOptions;
}

/** Builds the stanza of a message, as the server sends it to a linked device. */
export async function buildMessageStanza(letter: Letter): Promise<BinaryNode> {
  const { author, message, options } = letter;
  const attributes: Attributes = {
    id: options.id ?? randomBytes(10).toString('hex').toUpperCase(),
    t: String(options.t ?? nowSeconds()),
    type: typeOf(message),
    notify: author.name,
    ...addressOf(letter),
    ...(options.category === undefined ? {} : { category: options.category }),
    ...(options.offline === true ? { offline: '0' } : {}),
    ...options.attributes,
  };
  const content = await contentOf(letter);
  return node('message', attributes, options.meta === undefined ? content : [...content, node('meta', options.meta)]);
}

/** The attributes that say who writes in which chat. The rules are a table in WhatsApp's own habits, not a system. */
function addressOf({ author, own, options }: Letter): Attributes {
  const addressing = options.addressing ?? (knowsNumbers(author, options.chat) ? 'pn' : 'lid');
  const jid = author.jid(addressing);
  const tells = options.tellsOther ?? addressing === 'lid';
  const other = tells ? author.otherJid(addressing) : undefined;
  const mode = addressing === 'lid' ? 'lid' : undefined;
  const suffix = addressing === 'lid' ? 'pn' : 'lid';
  const { chat } = options;
  if (typeof chat === 'string' && chat.endsWith('@newsletter')) return { from: chat };
  if (typeof chat === 'string' && /@(g\.us|broadcast)$/.test(chat)) {
    return { from: chat, participant: jid, [`participant_${suffix}`]: other, addressing_mode: mode };
  }
  if (!own) return { from: jid, [`sender_${suffix}`]: other, addressing_mode: mode };
  if (chat === undefined) return { from: jid };
  const recipient = typeof chat === 'string' ? chat : chat.jid(addressing);
  const recipientOther = tells && typeof chat !== 'string' ? chat.otherJid(addressing) : undefined;
  return { from: jid, recipient, [`peer_recipient_${suffix}`]: recipientOther, addressing_mode: mode };
}

/** Whether the author, and of an own phone also the person it writes to, has a number. */
function knowsNumbers(author: Peer, chat: DeliverOptions['chat']): boolean {
  return author.phone !== undefined && (typeof chat !== 'object' || chat.phone !== undefined);
}

async function contentOf(letter: Letter): Promise<BinaryNode[]> {
  const { author, to, options } = letter;
  switch (options.form ?? 'signal') {
    case 'absent':
      return [];
    case 'view-once':
      return [node('unavailable', { type: 'view_once' })];
    case 'garbage':
      return [enc('msg', randomBytes(64))];
    case 'bot':
      return [enc('msmsg', proto.Message.encode(letter.message).finish())];
    case 'unknown':
      return [enc('loopback', proto.Message.encode(letter.message).finish())];
    case 'broken':
      return [node('plaintext', {}, Buffer.from('ff00ff00ff', 'hex'))];
    case 'empty':
      return [node('plaintext')];
    case 'plaintext':
      return [node('plaintext', {}, proto.Message.encode(letter.message).finish())];
    case 'signal': {
      const chat = options.chat;
      if (typeof chat !== 'string' || !/@(g\.us|broadcast)$/.test(chat)) {
        return [encrypted(await author.encrypt(to, wrap(letter)))];
      }
      const name = author.jid(options.addressing);
      const { ciphertext, distribution } = await author.encryptForGroup(to, chat, name, letter.message);
      const content = enc('skmsg', ciphertext);
      return distribution === undefined ? [content] : [encrypted(distribution), content];
    }
  }
}

/** What an own phone writes to others reaches its companions inside another message that says to whom. */
function wrap({ own, message, options }: Letter): proto.IMessage {
  const { chat } = options;
  if (!own || chat === undefined) return message;
  const destinationJid = typeof chat === 'string' ? chat : chat.jid(options.addressing);
  return { deviceSentMessage: { destinationJid, message } };
}

function encrypted({ type, ciphertext }: Encrypted): BinaryNode {
  return enc(type, ciphertext);
}

function enc(type: string, ciphertext: Uint8Array): BinaryNode {
  return node('enc', { v: '2', type }, ciphertext);
}

function typeOf(message: proto.IMessage): string {
  if (message.reactionMessage) return 'reaction';
  if (message.pollCreationMessage ?? message.pollCreationMessageV3 ?? message.pollUpdateMessage) return 'poll';
  return (message.imageMessage ?? message.videoMessage ?? message.audioMessage ?? message.documentMessage)
    ? 'media'
    : 'text';
}

import { proto } from '@whiskeysockets/baileys';
import type { Account } from './account.js';

/** The chats that an account's phone has, and its answers when its device asks for what is older. */
export class ChatsOnPhone {
  /** The messages that were asked about, in order. */
  readonly asked: string[] = [];
  /** Messages that the phone does not have any more. */
  readonly lost = new Set<string>();
  /** Which questions, counted from 1, get no answer. */
  silent: (number: number) => boolean = () => false;
  onQuestion: (number: number) => void = () => undefined;
  readonly #chats = new Map<string, string[]>();

  constructor(account: Account) {
    account.script.onHistoryRequest = (request) => this.#answer(request);
  }

  /** Adds a chat of so many messages, one in each second; returns their ids, the oldest first. */
  addChat(jid: string, count: number): string[] {
    const ids = Array.from({ length: count }, (_, n) => `${jid.slice(0, 15)}-${String(n)}`);
    this.#chats.set(jid, ids);
    return ids;
  }

  /** When a message was sent. */
  secondOf(jid: string, id: string): number {
    return SINCE_SECONDS + (this.#chats.get(jid)?.indexOf(id) ?? 0);
  }

  #answer(
    request: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest,
  ): proto.IHistorySync | undefined {
    const { chatJid, oldestMsgId, onDemandMsgCount } = request;
    const jid = chatJid ?? '';
    this.asked.push(oldestMsgId ?? '');
    const number = this.asked.length;
    this.onQuestion(number);
    if (this.silent(number)) return undefined;
    const ids = this.#chats.get(jid) ?? [];
    const end = this.lost.has(oldestMsgId ?? '') ? 0 : Math.max(0, ids.indexOf(oldestMsgId ?? ''));
    const from = Math.max(0, end - (onDemandMsgCount ?? 0));
    const messages = ids.slice(from, end).map((id, n) => ({
      msgOrderId: from + n,
      message: {
        key: { remoteJid: jid, fromMe: false, id },
        message: { conversation: `text of ${id}` },
        messageTimestamp: this.secondOf(jid, id),
      },
    }));
    const { COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY: start } = proto.Conversation.EndOfHistoryTransferType;
    const said = from === 0 && end > 0 ? { endOfHistoryTransferType: start } : {};
    return {
      syncType: proto.HistorySync.HistorySyncType.ON_DEMAND,
      conversations: messages.length === 0 ? [] : [{ id: jid, messages: messages.reverse(), ...said }],
    };
  }
}

/** 2020-09-13. */
const SINCE_SECONDS = 1_600_000_000;

import type { LiveContent, LiveEvent, LiveKey, LiveMessage } from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { isPerson } from '../../src/domain/jid.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import type { LiveCounts } from '../../src/store/record-live.js';

/** Content that says no more than a text. */
export function aText(text: string): LiveContent {
  return {
    kind: messageKind.text,
    waType: 0,
    text,
    viewOnce: false,
    forwardScore: 0,
    mentionedJids: [],
    albumMessageId: '',
  };
}

/** An event that says no more than what it is about. */
export function anEvent(description: string): NonNullable<LiveContent['event']> {
  return {
    description,
    joinLink: '',
    startMs: 1_800_000_000_000,
    endMs: 0,
    canceled: false,
    extraGuestsAllowed: true,
    callScheduled: false,
  };
}

/** The key of a message; `sender` is needed in groups only. */
export function aKey(chatJid: string, messageId: string, { fromMe = false, sender = '' } = {}): LiveKey {
  return { chatJid, senderJid: fromMe ? '' : isPerson(chatJid) ? chatJid : sender, fromMe, messageId };
}

/** A message as the link delivers it: whole seconds. */
export function aLiveMessage(key: LiveKey, more: Partial<LiveMessage> = {}): LiveEvent {
  const content = more.content ?? aText(`text of ${key.messageId}`);
  const message: LiveMessage = {
    key,
    sentMs: 1_700_000_000_000,
    senderName: '',
    state: 0,
    starred: false,
    expireMs: 0,
    source: 2,
    content,
    ...more,
  };
  return { type: 'message', message };
}

/** Records events as one commit, and finishes what mappings among them begin. */
export async function recordAll(store: HistoryStore, events: LiveEvent[]): Promise<LiveCounts> {
  const counts = await store.commit((commit) => store.recordLive(commit, events, () => undefined));
  while (store.resolving) await store.resolveStep((build) => store.commit(build));
  return counts;
}

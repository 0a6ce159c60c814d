import { create } from '@bufbuild/protobuf';
import { setImmediate } from 'node:timers/promises';
import { isPerson } from '../domain/jid.js';
import type { LiveEvent, LiveKey, LiveRevocation, VoteOpener } from '../domain/live-event.js';
import { type MessageKey, MessageKeySchema } from '../gen/scrollback/v1/message_pb.js';
import { MAX_AWAITED_BY_RECEIPT } from './awaiting.js';
import { addChunkCoverage } from './coverage.js';
import { putLabel } from './chat-labels.js';
import { noteClear } from './cleared-chats.js';
import { type Commit, keyOf } from './commit.js';
import type { Database } from './database.js';
import { deleteMessage } from './delete-message.js';
import { identityKeyOf } from './identity.js';
import { keyspace, textKey } from './keyspaces.js';
import { type ChosenOptions, GatheredFacts } from './gathered-facts.js';
import { factsOfEvent, type MessageEvent, responseFacts } from './live-facts.js';
import { phoneOrMark } from './phone-of.js';
import { prefetchDirectory } from './prefetch-live.js';
import { raiseKnown } from './raise-state.js';
import { LiveDirectory } from './record-directory.js';
import type { MessageFacts } from './merge-message.js';
import { mergeFacts } from './merge-page.js';
import { mergePartial, ownIds } from './merge-partial.js';
import { resolveFacts } from './resolve-facts.js';
import { loadFacts, openWaiting, recordSealed, standsForItself } from './settle-facts.js';
import { toldAgain } from './told-again.js';

/** What became of live events. */
export interface LiveCounts {
  added: number;
  updated: number;
  unchanged: number;
  /** Messages that the user deleted, and that are not stored again. */
  refused: number;
  /** Facts that wait for their message. */
  awaiting: number;
  /** What became of the messages alone, without what is told of messages. */
  messages: MessageCounts;
}

/** What became of messages. */
export interface MessageCounts {
  added: number;
  updated: number;
  unchanged: number;
  refused: number;
}

/** Nothing counted yet. */
export function noCounts(): LiveCounts {
  const messages = { added: 0, updated: 0, unchanged: 0, refused: 0 };
  return { ...messages, awaiting: 0, messages };
}

/**
 * Records what the link told, in a commit that is being built. Everything is merged by the same join as backups, so neither the
 * order nor the number of times matters. LIDs whose number is known are resolved here; mappings among the events must have
 * been learned before, in the same commit.
 */
export async function recordLive(
  commit: Commit,
  database: Database,
  events: LiveEvent[],
  openVote: VoteOpener,
): Promise<LiveCounts> {
  const recorder = new Recorder(commit, database, openVote);
  await recorder.prefetch(events);
  for (const [n, event] of events.entries()) {
    if (n % EVENTS_BETWEEN_TURNS === EVENTS_BETWEEN_TURNS - 1) await setImmediate();
    await recorder.record(event);
  }
  await recorder.finish();
  return recorder.counts;
}

class Recorder {
  readonly counts = noCounts();
  readonly #directory: LiveDirectory;
  readonly #gathered: GatheredFacts;

  constructor(
    private readonly commit: Commit,
    private readonly database: Database,
    private readonly openVote: VoteOpener,
  ) {
    this.#gathered = new GatheredFacts(commit, openVote, (outcome, events) => (this.counts[outcome] += events));
    this.#directory = new LiveDirectory(commit, (jid) => this.resolve(jid));
  }

  /** Looks up at once what is stored of the messages: one by one it would be most of the work. */
  async prefetch(events: LiveEvent[]): Promise<void> {
    await prefetchDirectory(this.commit.overlay, events);
    const keys: Buffer[] = [];
    for (const event of events) {
      if (event.type !== 'message') continue;
      const { key } = event.message;
      keys.push(identityKeyOf(await this.#directory.chatNumber(key.chatJid), await this.#canonicalKey(key)));
    }
    await this.commit.overlay.prefetch(keys);
  }

  async finish(): Promise<void> {
    await this.#gathered.settleAll();
    await this.#directory.finish();
  }

  async record(event: LiveEvent): Promise<void> {
    if (DECIDES_OF_MANY.has(event.type)) await this.#gathered.settleAll();
    switch (event.type) {
      case 'lid-mapping':
      case 'history-start':
        return;
      case 'contact':
        return this.#directory.contact(event.contact);
      case 'chat':
        return this.#directory.chat(event.chat);
      case 'group': {
        const { jid } = event.group;
        const wasKnown = await this.#directory.knowsMembers(jid);
        await this.#directory.group(event.group);
        return wasKnown ? undefined : raiseKnown(this.commit, this.database, jid);
      }
      case 'group-change':
        return this.#directory.change(event.change);
      case 'past-members':
        return this.#directory.pastMembers(event.past);
      case 'label':
        return putLabel(this.commit, event.label);
      case 'chat-label':
        return this.#directory.labelChat(event.labelling);
      case 'coverage': {
        const { coverage } = event;
        return addChunkCoverage(this.commit, await this.#directory.chatNumber(coverage.chatJid), coverage);
      }
      case 'deletion': {
        const { key } = event;
        const chatNumber = await this.#directory.chatNumber(key.chatJid);
        await this.commit.loadTotals([chatNumber]);
        const deleted = await deleteMessage(this.commit, this.database, chatNumber, await this.#canonicalKey(key));
        this.counts[deleted ? 'updated' : 'unchanged']++;
        return;
      }
      case 'clear': {
        const cleared = await noteClear(this.commit, await this.#directory.chatNumber(event.chatJid), event);
        this.counts[cleared ? 'updated' : 'unchanged']++;
        return;
      }
      default:
        return this.#message(event);
    }
  }

  /** The number that a LID stands for, or the address itself, which is then remembered as unresolved. */
  resolve(jid: string): Promise<string> {
    return phoneOrMark(this.commit.overlay, jid);
  }

  async #message(event: MessageEvent): Promise<void> {
    const { chatJid } = event.type === 'message' ? event.message.key : event.key;
    if ((event.type === 'receipt' || event.type === 'channel-counts') && !(await this.#hasRoom(event.key))) {
      this.counts.unchanged++;
      return;
    }
    const chatNumber = await this.#directory.chatNumber(chatJid);
    await this.commit.loadTotals([chatNumber]);
    if (event.type === 'revocation' && !(await this.#mayRevoke(event))) {
      this.counts.unchanged++;
      return;
    }
    if (event.type === 'vote') return this.#gathered.addVote(chatNumber, await this.#canonicalVote(event));
    if (event.type === 'response') {
      const { key, actor, response } = event;
      const facts = await this.#canonical(responseFacts(key, actor, response));
      return this.#gathered.addResponse(chatNumber, facts);
    }
    const facts = await this.#canonical(factsOfEvent(event));
    const isSealedVote = event.type === 'sealed-vote' && facts.hidden.sealedVotes.every(standsForItself);
    if (event.type === 'reaction' || event.type === 'receipt' || isSealedVote) {
      return this.#gathered.add(chatNumber, facts);
    }
    const key = keyOf(facts);
    await this.#gathered.settle(chatNumber, key);
    if (event.type !== 'message') {
      const outcome =
        event.type === 'sealed-vote'
          ? await recordSealed(this.commit, chatNumber, facts, this.openVote)
          : await mergePartial(this.commit, chatNumber, facts);
      this.counts[outcome]++;
      return;
    }
    let waits = false;
    const outcome = await this.#mergeMessage(chatNumber, facts, ({ hidden }) => {
      waits = hidden.sealedVotes.length > 0 && hidden.messageSecret.length > 0;
    });
    this.counts[outcome]++;
    this.counts.messages[outcome]++;
    if (waits) await openWaiting(this.commit, { chatNumber, key }, this.openVote);
  }

  async #mergeMessage(
    chatNumber: number,
    facts: MessageFacts,
    onJoined: (joined: MessageFacts) => void,
  ): Promise<keyof MessageCounts> {
    const key = keyOf(facts);
    const stored = await loadFacts(this.commit, chatNumber, key);
    const again = stored === undefined ? undefined : toldAgain(stored, facts);
    if (again === undefined) {
      const { message } = facts;
      // A channel's message has another id, under which its counts may wait.
      if (message.alternateMessageIds.length > 0)
        message.alternateMessageIds = await ownIds(this.commit, chatNumber, facts);
      const aliases = message.alternateMessageIds.map((id) => identityKeyOf(chatNumber, key, id));
      return mergeFacts(this.commit, { identityKey: identityKeyOf(chatNumber, key), aliases, facts, onJoined });
    }
    const outcome = await mergePartial(this.commit, chatNumber, again);
    return outcome === 'awaiting' ? 'unchanged' : outcome;
  }

  async #canonicalVote({ key, actor, choices, voteMs }: Extract<LiveEvent, { type: 'vote' }>): Promise<ChosenOptions> {
    const jid = await this.resolve(actor.jid);
    return { key: await this.#canonicalKey(key), actor: { jid, fromMe: actor.fromMe }, choices, voteMs };
  }

  /** False for a receipt or counts that would be the first to be known of a message, when too many messages are awaited. */
  async #hasRoom(key: LiveKey): Promise<boolean> {
    const { overlay, state } = this.commit;
    if (state.awaitedCount < MAX_AWAITED_BY_RECEIPT) return true;
    const canonical = await this.#canonicalKey(key);
    const number = await overlay.get(textKey(keyspace.chatNumber, canonical.chatJid));
    return number !== undefined && (await overlay.get(identityKeyOf(number.readUInt32BE(0), canonical))) !== undefined;
  }

  /** Its author takes back a message; of somebody else's, only who leads the group. The owner's phone knows whether it may. */
  async #mayRevoke({ key, byAdmin, byOwner, adminJid }: LiveRevocation): Promise<boolean> {
    if (!byAdmin || byOwner === true) return true;
    const admin = await this.resolve(adminJid);
    if (!key.fromMe && admin === (await this.resolve(key.senderJid))) return true;
    return this.#directory.mayLead(key.chatJid, admin);
  }

  async #canonicalKey(key: LiveKey): Promise<MessageKey> {
    const { chatJid, senderJid, fromMe, messageId } = key;
    const canonical = create(MessageKeySchema, {
      chatJid: await this.resolve(chatJid),
      senderJid: await this.resolve(senderJid),
      fromMe,
      messageId,
    });
    return completeKey(canonical);
  }

  /** Resolves every address, and says who sent what as a backup says it. */
  async #canonical(facts: MessageFacts): Promise<MessageFacts> {
    const resolved = (await resolveFacts(facts, (jid) => this.resolve(jid))) ?? facts;
    completeKey(keyOf(resolved));
    const quoted = resolved.message.quoted?.key;
    if (quoted !== undefined) completeKey(quoted);
    return resolved;
  }
}

/** The owner is not named, and in a direct chat the other person is the sender. */
function completeKey(key: MessageKey): MessageKey {
  if (key.fromMe) key.senderJid = '';
  else if (isPerson(key.chatJid)) key.senderJid = key.chatJid;
  return key;
}

/** What is told of messages before these is merged before them: they go by who was a member, or by what there is of a chat. */
const DECIDES_OF_MANY: ReadonlySet<LiveEvent['type']> = new Set(['group', 'group-change', 'deletion', 'clear']);

/** Some milliseconds of merging: then the other links, and whoever reads, have their turn. */
const EVENTS_BETWEEN_TURNS = 32;

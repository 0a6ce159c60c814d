import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Account } from './account.js';
import type { Directory } from './directory.js';
import type { Groups } from './groups.js';
import { answerGroupQuery } from './groups.js';
import { childrenOf, find, node } from './nodes.js';

/** What the answers are made of. */
export interface AnswerSources {
  directory: Directory;
  groups: Groups;
  /** How many one-time keys the server says to have of a device, at least. */
  claimedPreKeys: number;
}

/** The result of a query. */
export function result(query: BinaryNode, content?: BinaryNode[]): BinaryNode {
  return node('iq', { from: query.attrs.to, type: 'result', id: query.attrs.id }, content);
}

/** The refusal of a query. */
function refusal(query: BinaryNode, code: number, text: string): BinaryNode {
  const { to: from, id } = query.attrs;
  return node('iq', { from, type: 'error', id }, [node('error', { code: String(code), text })]);
}

/**
 * Answers a query of a logged-in device. What the server has no opinion on gets an empty result; undefined is what a test
 * wants to stay unanswered.
 */
export async function answer(
  query: BinaryNode,
  account: Account,
  sources: AnswerSources,
): Promise<BinaryNode | undefined> {
  const refused = account.refuses(query);
  if (refused === 'silence') return undefined;
  if (refused !== undefined) return refusal(query, refused, 'refused');
  switch (query.attrs.xmlns) {
    case 'encrypt':
      return answerKeys(query, account, sources);
    case 'usync':
      return result(query, [answerUsync(query, sources)]);
    case 'w:sync:app:state':
      return result(query, [account.appState.answer(query)]);
    case 'w:g2': {
      const [content] = answerGroupQuery(query, account.phone, sources.groups);
      if (content?.tag === 'error') return refusal(query, Number(content.attrs.code), content.attrs.text ?? '');
      return result(query, content === undefined ? [] : [content]);
    }
    case 'abt':
      return result(query, [node('props', { hash: 'loopback' })]);
    case 'blocklist':
      return result(query, [node('list')]);
    case 'privacy':
      return result(query, [node('privacy')]);
    default:
      return result(query);
  }
}

async function answerKeys(query: BinaryNode, account: Account, sources: AnswerSources): Promise<BinaryNode> {
  const { directory, claimedPreKeys } = sources;
  const companion = account.expectCompanion();
  const [asked] = childrenOf(query);
  if (asked?.tag === 'count') {
    const value = String(Math.max(companion.preKeysLeft, claimedPreKeys));
    return result(query, [node('count', { value })]);
  }
  if (asked?.tag === 'digest') return result(query, [node('digest')]);
  if (asked?.tag === 'rotate') {
    companion.rotate(asked);
    return result(query);
  }
  if (asked?.tag === 'key') {
    const bundles = childrenOf(asked).map(async ({ attrs: { jid } }) => {
      const peer = directory.find(jid);
      if (jid === undefined || peer === undefined) {
        return node('user', { jid }, [node('error', { code: '404', text: 'item-not-found' })]);
      }
      return peer.bundle(jid);
    });
    return result(query, [node('list', {}, await Promise.all(bundles))]);
  }
  if (find(query, 'list') !== undefined) companion.upload(query);
  return result(query);
}

/**
 * Who has which LID and which devices. Also the unknown get an answer: the client asks before it decrypts a message of
 * theirs, and would wait a minute for it.
 */
function answerUsync(query: BinaryNode, { directory }: AnswerSources): BinaryNode {
  const wants = (protocol: string): boolean => find(query, 'usync', 'query', protocol) !== undefined;
  const users = childrenOf(find(query, 'usync', 'list')).map((user) => {
    const jid = user.attrs.jid ?? numberAsJid(find(user, 'contact'));
    const peer = directory.find(jid);
    const content: BinaryNode[] = [];
    if (wants('contact')) content.push(node('contact', { type: peer === undefined ? 'out' : 'in' }));
    if (wants('devices')) content.push(node('devices', {}, [node('device-list', {}, [node('device', { id: '0' })])]));
    // Told by number only: the client would store the LID of a LID as a mapping.
    if (wants('lid') && jid.endsWith('@s.whatsapp.net') && peer?.lid !== undefined && peer.lidPublished) {
      content.push(node('lid', { val: peer.jid('lid') }));
    }
    return node('user', { jid }, content);
  });
  return node('usync', {}, [node('list', {}, users)]);
}

function numberAsJid(contact: BinaryNode | undefined): string {
  const text = contact?.content instanceof Uint8Array ? Buffer.from(contact.content).toString() : contact?.content;
  return `${typeof text === 'string' ? text.replace('+', '') : ''}@s.whatsapp.net`;
}

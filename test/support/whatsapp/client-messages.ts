import type { BinaryNode } from '@whiskeysockets/baileys';
import { proto } from '@whiskeysockets/baileys';
import type { Companion } from './companion.js';
import type { Directory } from './directory.js';
import { bytesAt, childrenOf, find, node } from './nodes.js';
import type { Peer } from './peer.js';

/** A message that a linked device sent, as those read it to whom it went. */
export interface ClientMessage {
  id: string;
  to: string;
  /** `peer` for what it asks of its own phone. */
  category: string | undefined;
  /** What each recipient decrypted, by the address that the device used. A group's content stands under the group. */
  copies: Map<string, proto.Message>;
}

/** Decrypts a message with the keys of everybody it was encrypted for. Throws when somebody cannot. */
export async function readClientMessage(
  stanza: BinaryNode,
  from: Companion,
  phone: Peer,
  directory: Directory,
): Promise<ClientMessage> {
  const { id = '', to = '', category } = stanza.attrs;
  const copies = new Map<string, proto.Message>();
  const readers: Peer[] = [];
  const read = async (reader: Peer | undefined, jid: string, parent: BinaryNode): Promise<void> => {
    if (reader === undefined) throw new Error(`a message to ${jid}, who does not exist`);
    const type = find(parent, 'enc')?.attrs.type;
    if (type !== 'pkmsg' && type !== 'msg') throw new Error(`a message to ${jid} of the type ${type ?? 'none'}`);
    copies.set(jid, await reader.decrypt(from, type, bytesAt(parent, 'enc')));
    readers.push(reader);
  };
  for (const copy of childrenOf(find(stanza, 'participants'))) {
    await read(directory.find(copy.attrs.jid), copy.attrs.jid ?? '', copy);
  }
  const direct = find(stanza, 'enc');
  if (direct?.attrs.type === 'skmsg') {
    const reader = readers[0] ?? phone;
    copies.set(to, await reader.decryptFromGroup(from, to, bytesAt(stanza, 'enc')));
  } else if (direct !== undefined) {
    const jid = stanza.attrs.participant ?? to;
    await read(category === 'peer' ? phone : directory.find(jid), jid, stanza);
  }
  return { id, to, category, copies };
}

/** What the device asks of its phone, out of a message of the category `peer`. */
export function readPhoneRequest(
  message: ClientMessage,
): proto.Message.IPeerDataOperationRequestMessage | null | undefined {
  if (message.category !== 'peer') return undefined;
  const [copy] = message.copies.values();
  const content = copy?.deviceSentMessage?.message ?? copy;
  return content?.protocolMessage?.peerDataOperationRequestMessage;
}

/** The answer of a phone that is asked for messages again. */
export function placeholderAnswer(requestId: string, messages: proto.IWebMessageInfo[]): proto.IMessage {
  return {
    protocolMessage: {
      type: proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
      peerDataOperationRequestResponseMessage: {
        peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
        stanzaId: requestId,
        peerDataOperationResult: messages.map((message) => ({
          placeholderMessageResendResponse: { webMessageInfoBytes: proto.WebMessageInfo.encode(message).finish() },
        })),
      },
    },
  };
}

/** The server's word that it has a message. */
export function messageAck(stanza: BinaryNode, t: number): BinaryNode {
  return node('ack', { class: 'message', id: stanza.attrs.id, from: stanza.attrs.to, t: String(t) });
}

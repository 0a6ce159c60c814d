import type { AuthenticationCreds, BinaryNode } from '@whiskeysockets/baileys';
import { decodeMessageNode, proto } from '@whiskeysockets/baileys';
import { addressOf, type Me } from './addresses.js';
import { channelHeadOf } from './channel-stanza.js';
import type { StanzaHead } from './inbox-record.js';
import { contentNames, unwrap } from './unwrap.js';

/** The addresses of the account's owner. */
export function meOf({ me }: AuthenticationCreds): Me {
  return { phone: addressOf(me?.id), lid: addressOf(me?.lid) };
}

/** What the stanza says of its message, as the library reads it; undefined for a stanza that is none. */
export function headOf(stanza: BinaryNode, { me }: AuthenticationCreds): StanzaHead | undefined {
  try {
    const channel = channelHeadOf(stanza);
    const { fullMessage } = decodeMessageNode(stanza, me?.id ?? '', me?.lid ?? '');
    const { remoteJid, remoteJidAlt, participant, participantAlt, id, fromMe } = fullMessage.key;
    return {
      key: { remoteJid, remoteJidAlt, participant, participantAlt, id, fromMe },
      sentS: channel?.sentS || Number(stanza.attrs.t ?? 0),
      ...(channel === undefined ? {} : { channel }),
      ...(stanza.attrs.notify === undefined ? {} : { pushName: stanza.attrs.notify }),
    };
  } catch {
    // The library refuses the same stanzas, with an error of its own and no acknowledgement of receipt.
    return undefined;
  }
}

/** Tells whether content is for somebody to see: keys of a group alone are not. */
export function saysSomething(content: Uint8Array): boolean {
  const message = proto.Message.decode(content);
  if (contentNames(unwrap(message).message).length > 0) return true;
  // Encoding it again leaves out what this version does not know, which somebody may want to see.
  return proto.Message.encode(message).finish().length < content.length;
}

/** The same of content that was not encrypted; undefined for what is no message, which nobody is asked to send again. */
export function trySaysSomething(content: Uint8Array): boolean | undefined {
  try {
    return saysSomething(content);
  } catch {
    return undefined;
  }
}

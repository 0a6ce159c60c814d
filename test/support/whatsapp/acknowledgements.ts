import type { BinaryNode } from '@whiskeysockets/baileys';
import { childrenOf } from './nodes.js';

/** Something that a device said of a stanza it was sent. */
export interface Acknowledgement {
  id: string;
  /** What it is about: `message`, `receipt`, `notification`, `call`. */
  of: string;
  /** A receipt says that the device has it, a retry that it cannot decrypt it, an ack that it needs nothing more. */
  kind: 'receipt' | 'retry' | 'ack';
  /** Of a receipt: absent for delivered, else `inactive`, `sender`, `peer_msg`, `hist_sync`, `read` … */
  type: string | undefined;
  /** Of an ack: `487` for a key that is used already, `500` for what could not be handled. */
  error: string | undefined;
  to: string | undefined;
  participant: string | undefined;
  recipient: string | undefined;
  /** Whether it got lost on the way: the server did not take note, and will send the stanza again. */
  lost: boolean;
}

/** Reads what a receipt or an ack says, one entry for each id. `lost` says that the server takes no note of it. */
export function readAcknowledgements(stanza: BinaryNode, lost: boolean): Acknowledgement[] {
  const { attrs, tag } = stanza;
  const listed = childrenOf(stanza).flatMap((list) => (list.tag === 'list' ? childrenOf(list) : []));
  const ids = [attrs.id ?? '', ...listed.map((item) => item.attrs.id ?? '')];
  const kind = tag === 'ack' ? 'ack' : attrs.type === 'retry' ? 'retry' : 'receipt';
  const of = tag === 'ack' ? (attrs.class ?? '') : 'message';
  const { type, error, to, participant, recipient } = attrs;
  return ids.map((id) => ({ id, of, kind, type, error, to, participant, recipient, lost }));
}

import { hkdfSync, randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { aesEncryptGCM, proto } from '@whiskeysockets/baileys';
import type { Attributes } from './nodes.js';
import { find, node } from './nodes.js';
import type { Peer } from './peer.js';
import type { PhoneScript } from './phone-script.js';

/** Whether a receipt asks the phone to upload a file once more. */
export function isReuploadRequest(receipt: BinaryNode): boolean {
  return receipt.attrs.type === 'server-error';
}

/** Builds the notification that answers such a receipt: where the file is now, or that it is gone; undefined for none. */
export function answerReupload(
  receipt: BinaryNode,
  phone: Peer,
  onRequest: PhoneScript['onReuploadRequest'],
): { attributes: Attributes; content: BinaryNode[] } | undefined {
  const id = receipt.attrs.id ?? '';
  const about = node('rmr', find(receipt, 'rmr')?.attrs);
  const found = onRequest?.(id, about.attrs);
  if (found === 'silence') return undefined;
  const attributes = { type: 'mediaretry', id, from: phone.jid() };
  const { ResultType } = proto.MediaRetryNotification;
  if (found === undefined) {
    return { attributes, content: [about, node('error', { code: String(ResultType.NOT_FOUND) })] };
  }
  const plain = proto.MediaRetryNotification.encode({
    stanzaId: id,
    directPath: found.directPath,
    result: ResultType.SUCCESS,
  }).finish();
  const key = Buffer.from(hkdfSync('sha256', found.mediaKey, '', 'WhatsApp Media Retry Notification', 32));
  const iv = randomBytes(12);
  const sealed = aesEncryptGCM(plain, key, iv, Buffer.from(id));
  return { attributes, content: [about, node('encrypt', {}, [node('enc_p', {}, sealed), node('enc_iv', {}, iv)])] };
}

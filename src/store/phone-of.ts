import { isLid } from '../domain/jid.js';
import { keyspace, textKey } from './keyspaces.js';
import type { Overlay } from './overlay.js';

/** The number that a LID is known to stand for, or the address itself. */
export async function phoneOf(overlay: Overlay, jid: string): Promise<string> {
  if (!isLid(jid)) return jid;
  const phone = await overlay.get(textKey(keyspace.mapping, jid));
  return phone === undefined ? jid : phone.toString();
}

/** The same; a LID whose number is not known is remembered, so that what holds it is rewritten when it is. */
export async function phoneOrMark(overlay: Overlay, jid: string): Promise<string> {
  const phone = await phoneOf(overlay, jid);
  if (!isLid(phone)) return phone;
  const unresolved = textKey(keyspace.unresolved, jid);
  if ((await overlay.get(unresolved)) === undefined) overlay.put(unresolved, EMPTY);
  return jid;
}

const EMPTY = Buffer.alloc(0);

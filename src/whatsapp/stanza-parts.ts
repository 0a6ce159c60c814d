import type { BinaryNode } from '@whiskeysockets/baileys';

/** What of a stanza the library hands to its repository, what anybody can read, and whether something is of neither kind. */
export function partsOf({ content }: BinaryNode): { handed: Uint8Array[]; readable: Uint8Array[]; strange: boolean } {
  const parts = { handed: [] as Uint8Array[], readable: [] as Uint8Array[], strange: false };
  const children = Array.isArray(content) ? content : [];
  // It takes nothing apart whose first secret is one among messages: what bots write.
  const refused = children.find(({ tag }) => tag === 'enc')?.attrs.type === 'msmsg';
  for (const { tag, attrs, content: bytes } of children) {
    if (!(bytes instanceof Uint8Array)) continue;
    if (tag === 'plaintext') parts.readable.push(bytes);
    else if (tag === 'enc' && !refused && ['pkmsg', 'msg', 'skmsg'].includes(attrs.type ?? ''))
      parts.handed.push(bytes);
    else if (tag === 'enc') parts.strange = true;
  }
  return parts;
}

/** True when a stanza says in the place of content that it is for the phone, to be opened once. */
export function opensOnce({ content }: BinaryNode): boolean {
  const children = Array.isArray(content) ? content : [];
  return children.some(({ tag, attrs }) => tag === 'unavailable' && attrs.type?.startsWith('view_once') === true);
}

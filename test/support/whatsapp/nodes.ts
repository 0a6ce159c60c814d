import type { BinaryNode } from '@whiskeysockets/baileys';

/** The attributes of a node; those that are undefined are left out. */
export type Attributes = Record<string, string | undefined>;

/** The server's name in `from` and `to`: an address without a user. */
export const SERVER_JID = '@s.whatsapp.net';

/** Makes a node. */
export function node(tag: string, attributes: Attributes = {}, content?: BinaryNode['content']): BinaryNode {
  const attrs: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) attrs[name] = value;
  return content === undefined ? { tag, attrs } : { tag, attrs, content };
}

/** The children of a node; none when it holds bytes or text. */
export function childrenOf(parent: BinaryNode | undefined): BinaryNode[] {
  return Array.isArray(parent?.content) ? parent.content : [];
}

/** The first descendant on a way of tags. */
export function find(parent: BinaryNode | undefined, ...tags: string[]): BinaryNode | undefined {
  let found = parent;
  for (const tag of tags) found = childrenOf(found).find((child) => child.tag === tag);
  return found;
}

/** The bytes of the first descendant on a way of tags. Throws when there are none. */
export function bytesAt(parent: BinaryNode, ...tags: string[]): Buffer {
  const content = find(parent, ...tags)?.content;
  if (typeof content === 'string') return Buffer.from(content, 'latin1');
  if (!(content instanceof Uint8Array)) throw new Error(`${parent.tag} has no bytes at ${tags.join(' > ')}`);
  return Buffer.from(content);
}

/** Two bytes, three or four as a number. */
export function numberAt(parent: BinaryNode, ...tags: string[]): number {
  const bytes = bytesAt(parent, ...tags);
  return bytes.readUIntBE(0, bytes.length);
}

/** A number as bytes, the highest first. */
export function bigEndian(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}

/** Seconds since 1970, as stanzas have them. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

import { MESSAGE_ID_MAX_BYTES } from '../../domain/identity.js';
import type { Value } from './schema.js';

/**
 * Returns a message id, or undefined when it cannot be one: absent, empty, too long, or with a NUL, which ends it in the
 * store's keys.
 */
export function messageIdOf(value: Value | undefined): string | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  // The column's bound counts the bytes of the file; replacing invalid UTF-8 may make more of them.
  return value.length * 3 > MESSAGE_ID_MAX_BYTES && Buffer.byteLength(value) > MESSAGE_ID_MAX_BYTES ? undefined : value;
}

/** Returns an optional message id; '' when there is none. */
export function knownId(value: Value | undefined): string {
  return messageIdOf(value) ?? '';
}

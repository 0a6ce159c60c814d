import { proto } from '@whiskeysockets/baileys/WAProto/index.js';
import { isGroup } from '../domain/jid.js';
import type { LiveEvent, LiveKey } from '../domain/live-event.js';
import { addressOf, keyOfTarget, mappingOf } from './addresses.js';
import { convertContent } from './convert-content.js';
import type { Origin, WireMessage } from './envelope.js';
import { msOf, msOfSeconds } from './numbers.js';
import { systemMessage } from './convert-stub.js';

const types = proto.Message.ProtocolMessage.Type;

/** Converts a message about other messages, or from the own phone to its devices; the latter count only from oneself. */
export function convertProtocol(
  protocol: proto.Message.IProtocolMessage,
  info: WireMessage,
  key: LiveKey,
  origin: Origin,
): LiveEvent[] {
  switch (protocol.type) {
    case types.REVOKE:
      return revocationOf(protocol, info, key, origin);
    case types.MESSAGE_EDIT:
      return editOf(protocol, info, key, origin);
    case types.EPHEMERAL_SETTING:
      return ephemeralOf(protocol, info, key, origin);
    case types.LID_MIGRATION_MAPPING_SYNC:
      return key.fromMe ? migrationOf(protocol) : [];
    default:
      // Keys of app state, requests among devices, announcements of history and what the phone resends (both are met elsewhere).
      return [];
  }
}

function revocationOf(
  protocol: proto.Message.IProtocolMessage,
  info: WireMessage,
  key: LiveKey,
  { me }: Origin,
): LiveEvent[] {
  const named = keyOfTarget(protocol.key, key, me);
  if (named === undefined) return [];
  // Nobody but its author takes back a message outside of groups, whatever the key inside says.
  const target = isGroup(key.chatJid) ? named : { ...key, messageId: named.messageId };
  const byAdmin = target.fromMe !== key.fromMe || target.senderJid !== key.senderJid;
  const adminJid = !byAdmin ? '' : key.fromMe ? me.phone : key.senderJid;
  const revokeMs = msOfSeconds(info.messageTimestamp);
  return [
    { type: 'revocation', key: target, revocationId: key.messageId, revokeMs, adminJid, byAdmin, byOwner: key.fromMe },
  ];
}

/** Only its author edits a message, whatever the key inside says. */
function editOf(
  protocol: proto.Message.IProtocolMessage,
  info: WireMessage,
  key: LiveKey,
  { me }: Origin,
): LiveEvent[] {
  const messageId = protocol.key?.id ?? '';
  const target = { ...key, messageId };
  const content = protocol.editedMessage ? convertContent(protocol.editedMessage, target, me) : undefined;
  if (messageId === '' || content === undefined) return [];
  const editMs = msOf(protocol.timestampMs) || msOfSeconds(info.messageTimestamp);
  return [{ type: 'edit', key: target, editId: key.messageId, editMs, content }];
}

function ephemeralOf(
  protocol: proto.Message.IProtocolMessage,
  info: WireMessage,
  key: LiveKey,
  { source }: Origin,
): LiveEvent[] {
  const ephemeralSeconds = protocol.ephemeralExpiration ?? 0;
  const asOfMs = msOfSeconds(info.messageTimestamp);
  return [
    { type: 'chat', chat: { jid: key.chatJid, asOfMs, ephemeralSeconds } },
    systemMessage(info, key, source, { kind: EPHEMERAL, waAction: 56, value: '', participantJids: [] }),
  ];
}

function migrationOf(protocol: proto.Message.IProtocolMessage): LiveEvent[] {
  const payload = protocol.lidMigrationMappingSyncMessage?.encodedMappingPayload;
  if (!payload) return [];
  const { pnToLidMappings } = proto.LIDMigrationMappingSyncPayload.decode(payload);
  return pnToLidMappings.flatMap(({ pn, latestLid, assignedLid }) => {
    const lid = latestLid ?? assignedLid;
    return mappingOf(addressOf(`${String(lid)}@lid`), addressOf(`${String(pn)}@s.whatsapp.net`));
  });
}

/** `SystemEventKind.EPHEMERAL_CHANGED`. */
const EPHEMERAL = 14;

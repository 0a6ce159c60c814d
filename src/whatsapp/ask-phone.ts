import type { BinaryNode, WASocket } from '@whiskeysockets/baileys';
import {
  encodeSignedDeviceIdentity,
  encodeWAMessage,
  generateMessageIDV2,
  getDecryptionJid,
  jidNormalizedUser,
  proto,
} from '@whiskeysockets/baileys';
import type { OlderQuestion, SentQuestion } from '../session/link/link.js';

const { Type } = proto.Message.ProtocolMessage;
const { HISTORY_SYNC_ON_DEMAND } = proto.Message.PeerDataOperationRequestType;

/**
 * Asks the owner's phone for messages before one that is known. The library can do that, too, but it sends first and commits the keys
 * that encrypted the question after it: a crash between the two leaves a session in which the phone may not understand the next question. Here
 * the keys are durable before the question leaves.
 */
export function askForOlder(socket: WASocket, question: OlderQuestion): SentQuestion {
  const id = generateMessageIDV2(socket.authState.creds.me?.id);
  return { id, sent: send(socket, id, question) };
}

async function send(socket: WASocket, id: string, { chatJid, before, count }: OlderQuestion): Promise<void> {
  const { me, account } = socket.authState.creds;
  if (me === undefined) throw new Error('the device belongs to nobody');
  const phone = jidNormalizedUser(me.id);
  await socket.assertSessions([phone], false);
  const message: proto.IMessage = {
    protocolMessage: {
      type: Type.PEER_DATA_OPERATION_REQUEST_MESSAGE,
      peerDataOperationRequestMessage: {
        peerDataOperationRequestType: HISTORY_SYNC_ON_DEMAND,
        historySyncOnDemandRequest: {
          chatJid,
          oldestMsgId: before.messageId,
          oldestMsgFromMe: before.fromMe,
          oldestMsgTimestampMs: before.sentMs,
          onDemandMsgCount: count,
        },
      },
    },
  };
  const data = encodeWAMessage({ deviceSentMessage: { destinationJid: phone, message } });
  // Under the name by which the library decrypts what the phone sends: else the two would change the one session side by side.
  const jid = await getDecryptionJid(phone, socket.signalRepository);
  const { type, ciphertext } = await socket.signalRepository.encryptMessage({ jid, data });
  const content: BinaryNode[] = [{ tag: 'enc', attrs: { v: '2', type }, content: ciphertext }];
  if (type === 'pkmsg' && account !== undefined) {
    content.push({ tag: 'device-identity', attrs: {}, content: encodeSignedDeviceIdentity(account, true) });
  }
  content.push({ tag: 'meta', attrs: { appdata: 'default' } });
  const attrs = { id, to: phone, type: 'text', category: 'peer', push_priority: 'high_force' };
  await socket.sendNode({ tag: 'message', attrs, content });
}

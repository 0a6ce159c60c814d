import { createHmac, randomBytes } from 'node:crypto';
import { aesEncryptGCM, proto } from '@whiskeysockets/baileys';

/** Seals an answer to an event as the phone of who answers does: the key comes from the event's secret and from who answers to whom. */
export function answerEvent(given: {
  eventKey: proto.IMessageKey;
  eventAuthor: string;
  responder: string;
  secret: Uint8Array;
  response: proto.Message.IEventResponseMessage;
}): proto.Message.IEncEventResponseMessage {
  const { eventKey, eventAuthor, responder, secret, response } = given;
  const eventId = eventKey.id ?? '';
  const useCase = Buffer.concat([Buffer.from(`${eventId}${eventAuthor}${responder}Event Response`), Buffer.from([1])]);
  const seed = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const key = createHmac('sha256', seed).update(useCase).digest();
  const encIv = randomBytes(12);
  const plain = proto.Message.EventResponseMessage.encode(response).finish();
  const encPayload = aesEncryptGCM(plain, key, encIv, Buffer.from(`${eventId}\0${responder}`));
  return { eventCreationMessageKey: eventKey, encIv, encPayload };
}

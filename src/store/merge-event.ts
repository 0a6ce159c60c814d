import { create } from '@bufbuild/protobuf';
import {
  type Event,
  type EventResponse,
  EventResponseSchema,
  EventSchema,
  type Message,
} from '../gen/scrollback/v1/message_pb.js';
import { actorKey, compareEncoded, compareTimes, latestOf, maxMessage } from './join-values.js';

/**
 * Joins what two messages of the same content rank say of an event: of its details those of the later edit, else the richer
 * ones; of each person the latest answer.
 */
export function joinEvent(a: Message, b: Message): Event | undefined {
  if (a.event === undefined && b.event === undefined) return undefined;
  const edits = compareTimes(a.editTime, b.editTime);
  const details =
    edits === 0
      ? maxMessage(EventSchema, detailsOf(a.event), detailsOf(b.event))
      : detailsOf((edits > 0 ? a : b).event);
  const responses = latestOf(
    [...(a.event?.responses ?? []), ...(b.event?.responses ?? [])],
    ({ fromMe, responderJid }) => actorKey(fromMe, responderJid),
    compareResponses,
  );
  return { ...(details ?? create(EventSchema)), responses };
}

/** What the author said, without what others answered. */
function detailsOf(event: Event | undefined): Event | undefined {
  return event && { ...event, responses: [] };
}

function compareResponses(a: EventResponse, b: EventResponse): number {
  const byTime = compareTimes(a.responseTime, b.responseTime);
  return byTime !== 0 ? byTime : compareEncoded(EventResponseSchema, a, b);
}

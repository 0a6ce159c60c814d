import { create } from '@bufbuild/protobuf';
import {
  type Event,
  type EventResponse,
  EventResponseSchema,
  EventSchema,
  LocationSchema,
  type Message,
} from '../gen/scrollback/v1/message_pb.js';
import { actorKey, assign, compareEncoded, compareTimes, latestOf, maxBy, maxMessage, maxText } from './join-values.js';

/**
 * Joins what two messages of the same content rank say of an event: of its details those of the later edit, else they fill each
 * other's gaps; of each person the latest answer.
 */
export function joinEvent(a: Message, b: Message): Event | undefined {
  if (a.event === undefined && b.event === undefined) return undefined;
  const edits = compareTimes(a.editTime, b.editTime);
  const details = edits === 0 ? joinDetails(a.event, b.event) : (edits > 0 ? a : b).event;
  const responses = latestOf(
    [...(a.event?.responses ?? []), ...(b.event?.responses ?? [])],
    ({ fromMe, responderJid }) => actorKey(fromMe, responderJid),
    compareResponses,
  );
  return { ...(details ?? create(EventSchema)), responses };
}

/** A backup of an older schema lacks columns, the link what was changed before it: that an event was called off must not be lost. */
function joinDetails(a: Event | undefined, b: Event | undefined): Event | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const joined: Event = {
    ...a,
    description: maxText(a.description, b.description),
    joinLink: maxText(a.joinLink, b.joinLink),
    canceled: a.canceled || b.canceled,
    extraGuestsAllowed: a.extraGuestsAllowed || b.extraGuestsAllowed,
    callScheduled: a.callScheduled || b.callScheduled,
  };
  assign(joined, 'location', maxMessage(LocationSchema, a.location, b.location));
  assign(joined, 'startTime', maxBy(a.startTime, b.startTime, compareTimes));
  assign(joined, 'endTime', maxBy(a.endTime, b.endTime, compareTimes));
  return joined;
}

function compareResponses(a: EventResponse, b: EventResponse): number {
  const byTime = compareTimes(a.responseTime, b.responseTime);
  return byTime !== 0 ? byTime : compareEncoded(EventResponseSchema, a, b);
}

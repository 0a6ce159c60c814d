import type { proto } from '@whiskeysockets/baileys';
import type { LiveContent, LiveResponse } from '../domain/live-event.js';
import { durationOf, msOf, msOfEither } from './numbers.js';

/** What an event says of itself. */
export function eventOf(event: proto.Message.IEventMessage): NonNullable<LiveContent['event']> {
  const { location } = event;
  return {
    description: event.description ?? '',
    joinLink: event.joinLink ?? '',
    startMs: msOfEither(event.startTime),
    endMs: msOfEither(event.endTime),
    canceled: event.isCanceled === true,
    extraGuestsAllowed: event.extraGuestsAllowed === true,
    callScheduled: event.isScheduleCall === true,
    location: location
      ? {
          latitude: location.degreesLatitude ?? 0,
          longitude: location.degreesLongitude ?? 0,
          name: location.name ?? '',
          address: location.address ?? '',
        }
      : undefined,
  };
}

/** What an answer to an event says. */
export function responseOf(response: proto.Message.IEventResponseMessage): LiveResponse {
  const answer = response.response ?? 0;
  return {
    answer: answer >= 0 && answer <= MAYBE ? answer : 0,
    extraGuestCount: durationOf(response.extraGuestCount),
    responseMs: msOf(response.timestampMs),
  };
}

/** The last of the answers that there are: `EventAnswer` has the library's numbers. */
const MAYBE = 3;

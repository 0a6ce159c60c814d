import { describe, expect, it } from 'vitest';
import { coverageSource } from '../../src/domain/coverage.js';
import { liveDelivery, liveSource } from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { DeliveryState, MessageKind, Source } from '../../src/gen/scrollback/v1/message_pb.js';

/** The values of a generated enum, by names as the domain writes them: `VIDEO_NOTE` is `videoNote`. */
function numbersOf(generated: Readonly<Record<string, string | number>>): Record<string, number> {
  const entries = Object.entries(generated).flatMap(([name, value]): [string, number][] => {
    const camel = name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    return typeof value === 'number' ? [[camel, value]] : [];
  });
  return Object.fromEntries(entries);
}

describe('the numbers that the domain repeats are those of the API', () => {
  it('for kinds of messages, all of them', () => {
    const { unspecified, ...kinds } = numbersOf(MessageKind);
    expect(unspecified).toBe(0);
    expect(messageKind).toEqual(kinds);
  });

  it('for kinds of messages, which fit into a position', () => {
    expect(Math.max(...Object.values(messageKind))).toBeLessThan(128);
  });

  it('for how far a message got, all of them', () => {
    expect(liveDelivery).toEqual(numbersOf(DeliveryState));
  });

  it('for sources', () => {
    const { unspecified, ...sources } = numbersOf(Source);
    expect(unspecified).toBe(0);
    expect(coverageSource).toEqual(sources);
    expect(sources).toMatchObject(liveSource);
  });
});

import { connect } from '../../../src/cli/client.js';
import { monotonicMs } from '../monotonic.js';
import { answerQuestions } from '../side-process.js';

/** What a client is to do that follows a session. */
export type WatcherQuestion =
  /** Follows from now on; answered when the daemon has said where that is. */
  | { do: 'watch'; address: string; sessionId: string }
  /** Answered when so many new messages have come. */
  | { do: 'collect'; count: number };

/** The texts that came, and when each of them did, by `monotonicMs`. */
export interface WatcherAnswer {
  texts: string[];
  atMs: number[];
}

const seen: WatcherAnswer = { texts: [], atMs: [] };
let heard: () => void = () => undefined;

async function perform(question: WatcherQuestion): Promise<WatcherAnswer> {
  if (question.do === 'watch') {
    const { address, sessionId } = question;
    const connection = connect(address);
    const { session } = await connection.sessions.getSession({ sessionId });
    const frames = connection.history.watchMessages({ sessionId, afterRevision: session?.revision ?? 0n });
    const first = new Promise<void>((resolve) => (heard = resolve));
    void follow(frames);
    await first;
    return { texts: [], atMs: [] };
  }
  while (seen.texts.length < question.count) await new Promise<void>((resolve) => (heard = resolve));
  return { texts: seen.texts.splice(0), atMs: seen.atMs.splice(0) };
}

async function follow(frames: AsyncIterable<{ messages: { text: string }[] }>): Promise<void> {
  for await (const { messages } of frames) {
    const atMs = monotonicMs();
    for (const { text } of messages) {
      seen.texts.push(text);
      seen.atMs.push(atMs);
    }
    heard();
  }
}

answerQuestions(perform);

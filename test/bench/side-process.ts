import type { ChildProcess, Serializable } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a side process sends back. */
type Reply<A> = { answer: A } | { problem: string };

/** A child process that answers questions, one at a time: so that what measures has a heap and an event loop of its own. */
export class SideProcess<Q extends Serializable, A> {
  readonly #child: ChildProcess;
  /** The answer to the question before. */
  #before: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts `processes/<name>.js`, whose questions and answers the caller states. */
  static start<Q extends Serializable, A>(name: string): SideProcess<Q, A> {
    const path = fileURLToPath(new URL(`./processes/${name}.js`, import.meta.url));
    return new SideProcess(fork(path, { stdio: ['ignore', 2, 2, 'ipc'] }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Asks when what was asked before is answered, and waits for the answer. Throws what the process could not do, and when it ends instead. */
  ask(question: Q): Promise<A> {
    const answered = this.#before.then(() => this.#ask(question));
    this.#before = answered.catch(() => undefined);
    return answered;
  }

  async #ask(question: Q): Promise<A> {
    const ended = new AbortController();
    const exited = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('a process of the benchmark ended early');
    });
    const answered = once(this.#child, 'message', { signal: ended.signal });
    for (const promise of [exited, answered]) promise.catch(() => undefined);
    try {
      this.#child.send(question);
      const [message]: unknown[] = await Promise.race([answered, exited]);
      // Safety: `answerQuestions` sends nothing else, and the caller of `start` stated its type.
      const reply = message as Reply<A>;
      if ('problem' in reply) throw new Error(reply.problem);
      return reply.answer;
    } finally {
      ended.abort();
    }
  }

  /** Ends the process; safe to call twice. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** The child's side: answers each question in its turn, and ends with the parent. `answer` takes what the parent's type says. */
export function answerQuestions(answer: (question: never) => Promise<unknown>): void {
  const reply = async (question: unknown): Promise<Reply<unknown>> => {
    try {
      // Safety: the parent is a `SideProcess` of the type that this file states.
      return { answer: await answer(question as never) };
    } catch (error) {
      return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  };
  process.on('message', (question) => void reply(question).then((result) => process.send?.(result)));
  process.on('disconnect', () => process.exit());
}

import { joinFacts, type MessageFacts } from './merge-message.js';

/**
 * Joins many facts of one message, that of a time with one of its size: joining each with all before it would cost the square of how many
 * they are. The join is associative, so the result is the same.
 */
export class FactsPile {
  /** At `n`, the join of 2^n facts, or nothing: as digits of a number that counts up. */
  readonly #joined: (MessageFacts | undefined)[] = [];

  /** Adds facts, which are the pile's from now on. */
  add(facts: MessageFacts): void {
    let sum = facts;
    for (let n = 0; ; n++) {
      const same = this.#joined[n];
      if (same === undefined) {
        this.#joined[n] = sum;
        return;
      }
      this.#joined[n] = undefined;
      sum = joinFacts(same, sum);
    }
  }

  /** The join of all that was added; undefined when nothing was. */
  joined(): MessageFacts | undefined {
    let sum: MessageFacts | undefined;
    for (const facts of this.#joined) {
      if (facts !== undefined) sum = sum === undefined ? facts : joinFacts(facts, sum);
    }
    return sum;
  }
}

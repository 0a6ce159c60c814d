import { SessionCipher } from 'libsignal';
import { AsyncResource } from 'node:async_hooks';

type Job = () => Promise<unknown>;

/** What of libsignal's class is changed here; its types leave it out. */
interface JobQueue {
  queueJob?: (job: Job) => Promise<unknown>;
}

/**
 * Makes libsignal decrypt in the transaction that asked for it. It does what concerns one address one after the other, for the whole
 * process, and runs what waits in the context of the first: when somebody writes to two accounts at the same time, the keys of the
 * second were changed outside of its transaction, and so were durable before what they decrypted.
 */
export function bindJobs(): void {
  // Safety: libsignal is pinned; if its class has another shape, it is said here and not after a loss.
  const queue = SessionCipher.prototype as unknown as JobQueue;
  const { queueJob } = queue;
  if (queueJob === undefined) throw new Error('the class of libsignal is not what it was');
  queue.queueJob = function (job) {
    return queueJob.call(this, AsyncResource.bind(job));
  };
}

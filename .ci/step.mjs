// Runs the commands that the scripts beside this file are made of.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A step that did not work, with a text for whoever ran it. */
export class StepFailure extends Error {}

/**
 * Runs a command at the top of the checkout and resolves to `{ ok, output, seconds }`; output is stdout and stderr as
 * they came. Does not throw when the command fails or does not exist.
 */
export function run(command, args, { env = process.env, cwd = root } = {}) {
  return new Promise((resolve) => {
    const startedAt = Date.now();
    const chunks = [];
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    const end = (ok) =>
      resolve({
        ok,
        output: Buffer.concat(chunks).toString('utf8').trimEnd(),
        seconds: (Date.now() - startedAt) / 1000,
      });
    child.on('error', (error) => {
      chunks.push(Buffer.from(error.message));
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** The same, but a failure throws a `StepFailure` with `problem` and the output. */
export async function runOrFail(problem, command, args, options) {
  const result = await run(command, args, options);
  if (!result.ok) throw new StepFailure(`${problem}\n\n${shorten(result.output)}`);
  return result;
}

/** Says what is being done; on stderr, because stdout belongs to the command that comes after. */
export function say(text) {
  process.stderr.write(`ready: ${text}\n`);
}

/** The path of a file in an installed package, to be run with Node: works without a PATH. */
export function tool(...segments) {
  return join(root, 'node_modules', ...segments);
}

// The cause stands at the start of what npm prints and at the end of what a compiler prints.
const EDGE_LINES = 30;

function shorten(output) {
  const lines = output.split('\n');
  if (lines.length <= 2 * EDGE_LINES) return output;
  return [...lines.slice(0, EDGE_LINES), '…', ...lines.slice(-EDGE_LINES)].join('\n');
}

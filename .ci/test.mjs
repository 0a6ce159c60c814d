#!/usr/bin/env node
// Runs the checks and the compiled tests: `npm test`. The last line is `N passed, N failed`, for whoever counts.
//   node .ci/test.mjs            checks and, beside them, everything but the faults and the benchmark
//   node .ci/test.mjs --faults   the fault tests alone (kill -9, full disks, damaged files: minutes)
//   node .ci/test.mjs rpc cli    only test files whose path holds one of these words; no checks
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './check.mjs';
import { root, tool } from './step.mjs';

// A test that starts a daemon and a client takes seconds on a busy machine; this only ends one that hangs.
const TEST_TIMEOUT_MS = 120_000;

// Vitest's own default leaves one processor free, which on a machine with two is half of it. The fault tests run one file
// at a time: the long ones keep all processors busy by themselves, and where a blow falls depends on what else runs.
const workersOf = (faults) => (faults ? 1 : availableParallelism());

const words = process.argv.slice(2);
const faults = words[0] === '--faults';
if (faults) words.shift();
// Vitest looks for the words in the paths below its directory; a path as one copies it from the sources is meant too.
const filters = words.map((word) => word.replace(/^(dist\/)?test\//, '').replace(/\.ts$/, '.js'));

// Beside the tests: most of the checks' time is one process that computes, most of the tests' time is waiting for others.
const checkLines = [];
const checking = faults || words.length > 0 ? true : check([], (line) => checkLines.push(line));
const { passed, failed, skipped } = await runTests();
const checksPassed = await checking;
for (const line of checkLines) console.log(line);
if (!checksPassed) console.log('The checks failed: see above.');
if (passed + failed === 0) console.log('No test ran.');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = checksPassed && failed === 0 && passed > 0 ? 0 : 1;

async function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'scrollback-test-'));
  try {
    const report = join(directory, 'report.json');
    const scope = faults
      ? ['--dir', 'dist/test/faults']
      : ['--dir', 'dist/test', '--exclude', 'faults/**', '--exclude', 'bench/**'];
    const ok = await vitest([
      ...scope,
      `--maxWorkers=${workersOf(faults)}`,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      `--testTimeout=${TEST_TIMEOUT_MS}`,
      `--hookTimeout=${TEST_TIMEOUT_MS}`,
      ...filters,
    ]);
    return count(report, ok);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function vitest(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tool('vitest', 'vitest.mjs'), 'run', ...args], {
      cwd: root,
      stdio: 'inherit',
    });
    child.on('close', (code) => resolve(code === 0));
  });
}

/** A file that could not be loaded, or an error outside every test, fails the run without a failed test: counts as one. */
function count(report, ok) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const failed = !ok && numFailedTests === 0 && testResults.length > 0 ? 1 : numFailedTests;
    return { passed: numPassedTests, failed, skipped: numPendingTests };
  } catch {
    // Vitest found no file, or died before it could report.
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

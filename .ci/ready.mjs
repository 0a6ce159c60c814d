#!/usr/bin/env node
// Makes the checkout runnable: installs the packages, compiles the one native module and builds `dist`, each only when
// it is missing or out of date. Prints a line per step that it takes, and nothing when there is nothing to do.
//   --tools      the packages for development are needed, too, also when `dist` is current
//   --no-build   only the packages
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build, buildIsCurrent } from './build.mjs';
import { compileNative, installPackages, nativeIsUsable, packagesAreCurrent } from './packages.mjs';
import { withLock } from './lock.mjs';
import { root, StepFailure } from './step.mjs';

const OLDEST_NODE = '20.20.2';

function assertNodeVersion() {
  const order = (version) => version.split('.').reduce((sum, part) => sum * 1000 + Number.parseInt(part, 10), 0);
  if (order(process.versions.node) < order(OLDEST_NODE)) {
    throw new StepFailure(`Node ${process.versions.node} is too old: ${OLDEST_NODE} or newer is needed.`);
  }
}

const withTools = process.argv.includes('--tools');
const withBuild = !process.argv.includes('--no-build');

// A production install (`npm install --omit=dev` beside a shipped `dist`) has no compiler and needs none.
function packagesAreEnough() {
  return packagesAreCurrent({ withTools: withTools || (withBuild && !buildIsCurrent()) });
}

function everythingIsCurrent() {
  return packagesAreEnough() && (!withBuild || (nativeIsUsable() && buildIsCurrent()));
}

async function makeReady() {
  if (!packagesAreEnough()) await installPackages();
  if (!withBuild) return;
  if (!nativeIsUsable()) await compileNative();
  if (!buildIsCurrent()) await build();
}

try {
  assertNodeVersion();
  if (!existsSync(join(root, 'package-lock.json'))) throw new StepFailure('package-lock.json is missing.');
  if (!everythingIsCurrent()) await withLock(makeReady);
} catch (error) {
  if (!(error instanceof StepFailure)) throw error;
  console.error(`ready: ${error.message}`);
  process.exitCode = 1;
}

#!/usr/bin/env node
'use strict';

// JavaScript of Node 14.18, so that an old Node that installed the package says what it lacks.
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const root = join(__dirname, '..');
const sources = join(root, 'src', 'cli', 'main.ts');
// A checkout runs its sources, never an older build; the package holds only the build.
const checkout = existsSync(sources);
const [major, minor] = process.versions.node.split('.').map(Number);
/** The oldest Node with everything that the program uses; of 23, the first that unpacks zstd. */
const NEEDED = major === 23 ? [23, 8] : [22, 18];

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  const remedy = checkout
    ? 'This checkout brings one: npm run cli -- --help'
    : 'Install Node 24 from https://nodejs.org/';
  process.stderr.write(
    `fhir-bucket-loader needs Node ${NEEDED.join('.')} or later; this is Node ${process.versions.node}. ${remedy}\n`,
  );
  process.exitCode = 1;
} else if (typeof WebAssembly === 'undefined') {
  process.stderr.write(
    'fhir-bucket-loader needs WebAssembly; this Node runs without it. Start it without --jitless, in NODE_OPTIONS too.\n',
  );
  process.exitCode = 1;
} else {
  import(pathToFileURL(checkout ? sources : join(root, 'dist', 'src', 'cli', 'main.js')).href);
}

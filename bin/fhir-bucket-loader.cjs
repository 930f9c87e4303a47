#!/usr/bin/env node
'use strict';

// JavaScript of Node 14.18, so that an old Node that installed the package says what it lacks.
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

/** The oldest Node with everything that the program uses. */
const NEEDED = [22, 18];

const root = join(__dirname, '..');
const sources = join(root, 'src', 'cli', 'main.ts');
// A checkout runs its sources, never an older build; the package holds only the build.
const checkout = existsSync(sources);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  const remedy = checkout
    ? 'This checkout brings one: npm run cli -- --help'
    : 'Install Node 24 from https://nodejs.org/';
  process.stderr.write(
    `fhir-bucket-loader needs Node ${NEEDED.join('.')} or later; this is Node ${process.versions.node}. ${remedy}\n`,
  );
  process.exitCode = 1;
} else {
  // Stack traces then name the TypeScript sources.
  process.setSourceMapsEnabled(true);
  import(pathToFileURL(checkout ? sources : join(root, 'dist', 'src', 'cli', 'main.js')).href);
}

import * as zlib from 'node:zlib';

/** What is looked at, of the process that asks. */
export interface NodeParts {
  version: string;
  hasWebAssembly: boolean;
  hasZstd: boolean;
}

/**
 * What this Node lacks of what every file needs, as a sentence with the way to mend it; undefined where it has all. Unsaid, the
 * server would start, and each file fail.
 */
export function lackOfNode(parts: NodeParts = partsOfThisNode()): string | undefined {
  const { version, hasWebAssembly, hasZstd } = parts;
  // The youngest of what is used: a Node that has it has the rest.
  if (!hasZstd) {
    return `The server needs Node 22.18 or later (of Node 23: 23.8); this is Node ${version}, which cannot unpack zstd. Install Node 24.`;
  }
  if (!hasWebAssembly) {
    return (
      'The server needs WebAssembly, in which it encodes and converts every file; this Node runs without it. Start it without ' +
      '--jitless, in NODE_OPTIONS too.'
    );
  }
  return undefined;
}

function partsOfThisNode(): NodeParts {
  return {
    version: process.versions.node,
    hasWebAssembly: 'WebAssembly' in globalThis,
    hasZstd: 'createZstdDecompress' in zlib,
  };
}

import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { _Object, ListObjectsV2Command, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { HttpResponse } from '@smithy/core/protocols';
import { plainContents } from './plain-contents.ts';

/**
 * Has the objects of a page read by `plainContents`, and the SDK read the rest of its answer.
 * @param command to be sent once
 * @returns what puts both together, of the command's answer
 */
export function readContentsApart(
  command: ListObjectsV2Command,
): (answer: ListObjectsV2CommandOutput) => ListObjectsV2CommandOutput {
  let contents: _Object[] | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      contents = undefined;
      const result = await next(args);
      const { response } = result;
      if (!HttpResponse.isInstance(response) || response.statusCode !== 200 || !(response.body instanceof Readable))
        return result;
      const xml = await buffer(response.body);
      const plain = plainContents(xml);
      contents = plain?.contents;
      // A stream, where the SDK reads all of it: in others it does not look for an error.
      response.body = plain?.rest ?? Readable.from([xml], { objectMode: false });
      return result;
    },
    // Next to the request itself: the SDK's own steps meet what is left.
    { step: 'deserialize', priority: 'low', name: 'contentsApart' },
  );
  return (answer) => (contents === undefined ? answer : { ...answer, Contents: contents });
}

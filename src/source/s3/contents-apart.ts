import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { _Object, ListObjectsV2Command, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { HttpResponse } from '@smithy/core/protocols';
import { capText } from '../../errors/cap-text.ts';
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
  let unread: Buffer | undefined;
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
      unread = plain === undefined ? xml : undefined;
      // A stream, where the SDK reads all of it: in others it does not look for an error.
      response.body = plain?.rest ?? Readable.from([xml], { objectMode: false });
      return result;
    },
    // Next to the request itself: the SDK's own steps meet what is left.
    { step: 'deserialize', priority: 'low', name: 'contentsApart' },
  );
  command.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (error instanceof TypeError && unread !== undefined) nameObject(error, unread.toString());
        throw error;
      }
    },
    // Around the SDK's reading.
    { step: 'deserialize', priority: 'high', name: 'unreadObject' },
  );
  return (answer) => (contents === undefined ? answer : { ...answer, Contents: contents });
}

const KEY = /<Key>([^<]*)<\/Key>/;
const TIME = /<LastModified>([^<]*)<\/LastModified>/;
/** What the SDK reads as a time. */
const READABLE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[-+]\d\d:\d\d|Z)$/i;

/** The SDK says what it could not read, and not of which object: the first one with a time that is none is named. */
function nameObject(error: TypeError, xml: string): void {
  for (const object of objectsIn(xml)) {
    const time = TIME.exec(object)?.[1]?.trim();
    if (time === undefined || (READABLE.test(time) && !Number.isNaN(Date.parse(time)))) continue;
    const key = JSON.stringify(capText(KEY.exec(object)?.[1] ?? ''));
    // Its first line is the reason.
    error.message = error.message.replace(/^[^\n]*/, (reason) => `${reason}, LastModified of the object ${key}`);
    return;
  }
}

/** Each object's part of a listing. Not by a pattern: the text is the store's, and one may be made to take ever longer. */
function* objectsIn(xml: string): Generator<string> {
  let from = xml.indexOf('<Contents>');
  while (from >= 0) {
    const to = xml.indexOf('</Contents>', from);
    if (to < 0) return;
    yield xml.slice(from, to);
    from = xml.indexOf('<Contents>', to);
  }
}

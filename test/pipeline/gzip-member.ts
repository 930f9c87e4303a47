import { crc32, deflateRawSync, type ZlibOptions } from 'node:zlib';

export interface MemberHeader {
  text?: boolean;
  sum?: boolean;
  extra?: Buffer | undefined;
  name?: string | undefined;
  comment?: string | undefined;
}

/** Packs content as one member of gzip (RFC 1952), with whatever a header can hold. */
export function gzipMember(content: Buffer, header: MemberHeader = {}, options: ZlibOptions = {}): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content));
  trailer.writeUInt32LE(content.length, 4);
  return Buffer.concat([gzipHeader(header), deflateRawSync(content, options), trailer]);
}

function gzipHeader({ text = false, sum = false, extra, name, comment }: MemberHeader): Buffer {
  const flags =
    Number(text) |
    (Number(sum) << 1) |
    (Number(extra !== undefined) << 2) |
    (Number(name !== undefined) << 3) |
    (Number(comment !== undefined) << 4);
  const parts: Buffer[] = [Buffer.from([0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255])];
  if (extra !== undefined) parts.push(Buffer.from([extra.length & 255, extra.length >> 8]), extra);
  for (const line of [name, comment]) if (line !== undefined) parts.push(Buffer.from(`${line}\0`, 'latin1'));
  if (sum) {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(crc32(Buffer.concat(parts)) & 0xffff);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** The fields of every row in a COPY BINARY stream (Postgres manual, COPY, "Binary Format"); throws on any deviation. */
export function readCopyBinary(bytes: Buffer): Buffer[][] {
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new Error('No COPY BINARY signature');
  let at = SIGNATURE.length;
  const flags = bytes.readInt32BE(at);
  const extensionBytes = bytes.readInt32BE(at + 4);
  if (flags !== 0 || extensionBytes !== 0) throw new Error('Unexpected flags or header extension');
  at += 8;
  const rows: Buffer[][] = [];
  for (;;) {
    const fieldCount = bytes.readInt16BE(at);
    at += 2;
    if (fieldCount === -1) break;
    const row: Buffer[] = [];
    for (let f = 0; f < fieldCount; f++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      if (length < 0 || at + length > bytes.length) throw new Error(`Field of ${length} bytes at ${at}`);
      row.push(bytes.subarray(at, at + length));
      at += length;
    }
    rows.push(row);
  }
  if (at !== bytes.length) throw new Error('Bytes after the trailer');
  return rows;
}

/** The beginning of a ZIP: one entry of 8 stored bytes for each name, without the central directory. */
export function zipOf(...names: string[]): Buffer {
  return Buffer.concat(
    names.map((name) => {
      const entry = Buffer.alloc(30);
      entry.write('PK\x03\x04', 'latin1');
      entry.writeUInt32LE(8, 18);
      entry.writeUInt32LE(8, 22);
      entry.writeUInt16LE(name.length, 26);
      return Buffer.concat([entry, Buffer.from(`${name}contents`)]);
    }),
  );
}

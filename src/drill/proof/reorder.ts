const tab = 0x09;
const newline = 0x0a;

/** Puts the fields of rows in COPY's text format into another order, however the text is cut into chunks. */
export class FieldOrder {
  readonly #places: readonly number[];
  #rest: Buffer = Buffer.alloc(0);

  /** @param from columns as they come; @param to the same columns as they are wanted */
  constructor(from: readonly string[], to: readonly string[]) {
    this.#places = to.map((column) => from.indexOf(column));
  }

  /** The whole rows so far; the closing `\.` passes as it is. */
  write(chunk: Buffer): Buffer {
    const text = Buffer.concat([this.#rest, chunk]);
    const end = text.lastIndexOf(newline) + 1;
    this.#rest = Buffer.from(text.subarray(end));
    const rows: Buffer[] = [];
    for (let from = 0; from < end; ) {
      const to = text.indexOf(newline, from);
      rows.push(this.#row(text.subarray(from, to)), Buffer.from([newline]));
      from = to + 1;
    }
    return Buffer.concat(rows);
  }

  #row(row: Buffer): Buffer {
    if (row.equals(Buffer.from('\\.'))) return row;
    const fields: Buffer[] = [];
    for (let from = 0; ; ) {
      const to = row.indexOf(tab, from);
      fields.push(row.subarray(from, to === -1 ? row.length : to));
      if (to === -1) break;
      from = to + 1;
    }
    const ordered = this.#places.flatMap((place) => [Buffer.from([tab]), fields[place] ?? Buffer.alloc(0)]);
    return Buffer.concat(ordered).subarray(1);
  }
}

/** What a `DumpSplitter` finds, in the order of the text. Bytes are only valid during the call. */
export interface DumpParts {
  /** A `COPY … FROM stdin;` statement; its rows follow. */
  copyStart(header: Buffer): void;
  /** Rows of the block in pieces of any size, the closing `\.` and its newline included. */
  copyData(bytes: Buffer): void;
  copyEnd(): void;
  /** Any other statement, to its `;`, or a `\` line of psql. */
  statement(text: Buffer): void;
}

/** Bytes; a piece of a large object takes half of it. */
const usual = 64 * 1024;
const newline = 0x0a;
const semicolon = 0x3b;
const backslash = 0x5c;
const dash = 0x2d;
const single = 0x27;
const double = 0x22;
const blanks = new Set([0x20, 0x09, 0x0d, newline]);
/** Ends the rows of a block. No row can look like it: COPY writes a backslash as two. */
const terminator = Buffer.from('\n\\.\n');

/**
 * Cuts the plain text of a data-only dump into COPY blocks and statements, whatever the encoding and however the text
 * is cut into chunks. Rows are never looked at one by one. Outside of the blocks quotes are respected: a table's name
 * may hold newlines and `;`. PostgreSQL's programs always double a quote inside quotes, so that each quote toggles.
 */
export class DumpSplitter {
  readonly #parts: DumpParts;
  #state: 'between' | 'comment' | 'meta' | 'sql' | 'copy-newline' | 'copy' = 'between';
  /** The quote that is open in a statement; 0 outside. */
  #quote = 0;
  /** The beginning of a statement that goes on in the next chunk: one buffer for all of them. */
  #pending = Buffer.allocUnsafeSlow(usual);
  #length = 0;
  /** How many bytes of the terminator the text so far ends with. */
  #matched = 0;

  constructor(parts: DumpParts) {
    this.#parts = parts;
  }

  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'copy') at = this.#copy(chunk, at);
      else if (this.#state === 'sql') at = this.#sql(chunk, at);
      else if (this.#state === 'meta') at = this.#meta(chunk, at);
      else at = this.#skip(chunk, at);
    }
  }

  /** @returns whether the text ended between two statements; false when it was cut off */
  end(): boolean {
    return this.#state === 'between' || this.#state === 'comment';
  }

  #skip(chunk: Buffer, from: number): number {
    if (this.#state === 'comment' || this.#state === 'copy-newline') {
      const end = chunk.indexOf(newline, from);
      if (end === -1) return chunk.length;
      this.#matched = 1;
      this.#state = this.#state === 'copy-newline' ? 'copy' : 'between';
      return end + 1;
    }
    let at = from;
    while (at < chunk.length && blanks.has(chunk[at] as number)) at += 1;
    const byte = chunk[at];
    if (byte === dash) this.#state = 'comment';
    else if (byte === backslash) this.#state = 'meta';
    else if (byte !== undefined) this.#state = 'sql';
    return at;
  }

  #meta(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(newline, from);
    if (end === -1) {
      this.#keep(chunk, from, chunk.length);
      return chunk.length;
    }
    this.#finish(chunk, from, end);
    return end + 1;
  }

  #sql(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#quote !== 0) {
        const close = chunk.indexOf(this.#quote, at);
        if (close === -1) break;
        this.#quote = 0;
        at = close + 1;
        continue;
      }
      const byte = chunk[at] as number;
      at += 1;
      if (byte === single || byte === double) this.#quote = byte;
      else if (byte === semicolon) {
        this.#finish(chunk, from, at);
        return at;
      }
    }
    this.#keep(chunk, from, chunk.length);
    return chunk.length;
  }

  #copy(chunk: Buffer, from: number): number {
    let end = this.#resume(chunk, from);
    if (end === -1) {
      const found = chunk.indexOf(terminator, from);
      if (found !== -1) end = found + terminator.length;
    }
    if (end === -1) {
      this.#remember(chunk, from);
      this.#parts.copyData(from === 0 ? chunk : chunk.subarray(from));
      return chunk.length;
    }
    this.#parts.copyData(chunk.subarray(from, end));
    this.#parts.copyEnd();
    this.#state = 'between';
    return end;
  }

  /** Where a terminator ends that began before `from`, or -1. */
  #resume(chunk: Buffer, from: number): number {
    const rest = terminator.subarray(this.#matched);
    if (this.#matched === 0 || chunk.length - from < rest.length) return -1;
    return chunk.compare(rest, 0, rest.length, from, from + rest.length) === 0 ? from + rest.length : -1;
  }

  #remember(chunk: Buffer, from: number): void {
    const length = chunk.length - from;
    const tail = chunk.subarray(Math.max(from, chunk.length - terminator.length + 1));
    const text = length < terminator.length ? Buffer.concat([terminator.subarray(0, this.#matched), tail]) : tail;
    let matched = Math.min(terminator.length - 1, text.length);
    while (matched > 0 && !text.subarray(text.length - matched).equals(terminator.subarray(0, matched))) matched -= 1;
    this.#matched = matched;
  }

  /** A copy: the chunk's memory may be used again. */
  #keep(chunk: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    if (length > this.#pending.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length);
      this.#pending.copy(larger, 0, 0, this.#length);
      this.#pending = larger;
    }
    chunk.copy(this.#pending, this.#length, from, to);
    this.#length = length;
  }

  #finish(chunk: Buffer, from: number, to: number): void {
    const begun = this.#length > 0;
    if (begun) this.#keep(chunk, from, to);
    const text = begun ? this.#pending.subarray(0, this.#length) : chunk.subarray(from, to);
    this.#length = 0;
    if (this.#pending.length > 16 * usual) this.#pending = Buffer.allocUnsafeSlow(usual);
    const isCopy = this.#state === 'sql' && isCopyHeader(text);
    this.#state = isCopy ? 'copy-newline' : 'between';
    if (isCopy) this.#parts.copyStart(text);
    else this.#parts.statement(text);
  }
}

function isCopyHeader(text: Buffer): boolean {
  return (
    text.subarray(0, 5).toString('latin1') === 'COPY ' &&
    text.subarray(-'FROM stdin;'.length).toString('latin1') === 'FROM stdin;'
  );
}

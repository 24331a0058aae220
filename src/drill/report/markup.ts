/** Text that is HTML already. Only `html` makes it, so that nothing reaches a page unescaped by accident. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = string | number | Markup | null | readonly Piece[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Names come from a database that is not trusted: markup is escaped, and characters that cannot be seen or that turn
 * the direction of the text around them (the "Trojan Source" ones) are shown as `\u{…}`.
 */
export function escapeText(text: string): string {
  return text
    .toWellFormed()
    .replace(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be made visible
      /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (character) => `\\u{${character.charCodeAt(0).toString(16)}}`,
    )
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

function render(piece: Piece): string {
  if (piece === null) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'object') return piece.map(render).join('');
  return escapeText(String(piece));
}

/** A template whose every value is escaped, except markup made by itself; lists are joined, null is nothing. */
export function html(literals: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  return new Markup(String.raw({ raw: literals }, ...values.map(render)));
}

const grouped = new Intl.NumberFormat('en');

/** `1234567` → `1,234,567`. */
export const count = (value: number): string => grouped.format(value);

/** `1 row`, `2 rows`. */
export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** A moment in UTC, to the second. */
export function moment(iso: string): Markup {
  return html`<time datetime="${iso}">${iso.replace('T', ' ').replace(/(\.\d+)?Z$/, '')} UTC</time>`;
}

/** A name from the database: set apart, and its direction kept to itself. */
export const name = (text: string): Markup => html`<bdi class="name">${text}</bdi>`;

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SocleError } from '../kernel/errors.ts';
import { ownFile } from '../kernel/place.ts';
import type { Problem } from './explain.ts';
import { parsePlatform } from './load.ts';

function problems(text: string): Problem[] {
  try {
    parsePlatform(text, 'platform.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof SocleError) || error.code !== 'config-invalid') throw error;
    return error.details.problems as Problem[];
  }
}

/** Mulberry32: the same files each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const tokens = [
  ...[
    '*x',
    '&x',
    '&x [*x]',
    '<<: *x',
    '<<',
    '!!binary aGk=',
    '!!set {a}',
    '!!omap [a: 1]',
    '!x y',
    '? a',
    '? {a: 1}',
    '---',
    '...',
    '%YAML 1.1',
    '%TAG ! x',
  ],
  ...[
    '~',
    'null',
    '',
    '{}',
    '[]',
    '[[]]',
    '{{}: 1}',
    'yes',
    'on',
    '0',
    '-1',
    '1e400',
    '.nan',
    '.inf',
    '0x1f',
    '1_000',
    '99999999999999999999',
    '2001-12-14',
    '1:30',
  ],
  ...[
    '"',
    "'",
    '|',
    '>',
    '|9',
    '"\\x00"',
    '"\\ud800"',
    '\0',
    '\t',
    '\r',
    '\uFEFF',
    '\u2028',
    '\u{1F511}',
    '#',
    ': ',
    '- ',
    ',',
    '[',
    '{',
    ']',
    '}',
    '`',
    '@',
  ],
  ...[
    '__proto__: 1',
    'constructor: {}',
    'toString: x',
    'base: platform.yaml',
    'base: ..',
    'x'.repeat(5_000),
    '8.8.8.8/0',
    '::',
    '-'.repeat(50),
  ],
];

test('6000 files that were bitten into are valid, or say where they are not', () => {
  const next = random(11);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const at = (text: string) => Math.floor(next() * (text.length + 1));
  const example = readFileSync(ownFile('docs/platform.example.yaml'), 'utf8');
  const bites: ReadonlyArray<(text: string) => string> = [
    (text) => text.slice(0, at(text)),
    (text) => {
      const i = at(text);
      return text.slice(0, i) + pick(tokens) + text.slice(i);
    },
    (text) => {
      const i = at(text);
      return text.slice(0, i) + text.slice(i + Math.floor(next() * 30));
    },
    (text) => {
      const lines = text.split('\n');
      lines.splice(Math.floor(next() * lines.length), 1);
      return lines.join('\n');
    },
    (text) => {
      const lines = text.split('\n');
      lines.splice(Math.floor(next() * lines.length), 0, pick(lines));
      return lines.join('\n');
    },
    // The structure: a value, a key or an indentation becomes another.
    (text) => {
      const lines = text.split('\n');
      const i = Math.floor(next() * lines.length);
      lines[i] = (lines[i] ?? '').replace(/:.*/, `: ${pick(tokens)}`);
      return lines.join('\n');
    },
    (text) => {
      const lines = text.split('\n');
      const i = Math.floor(next() * lines.length);
      lines[i] = (lines[i] ?? '').replace(/[\w.-]+(?=:)/, pick(tokens));
      return lines.join('\n');
    },
    (text) => {
      const lines = text.split('\n');
      const i = Math.floor(next() * lines.length);
      lines[i] = `${' '.repeat(Math.floor(next() * 6))}${(lines[i] ?? '').trimStart()}`;
      return lines.join('\n');
    },
  ];
  const tally = { valid: 0, refused: 0 };
  for (let round = 0; round < 6_000; round += 1) {
    let text = example;
    for (let bite = 0; bite <= round % 4; bite += 1) text = pick(bites)(text);
    try {
      const found = problems(text);
      tally[found.length === 0 ? 'valid' : 'refused'] += 1;
      const lines = text.split('\n').length;
      for (const { line, column, message } of found) {
        if (!(line >= 1 && line <= lines + 1 && column >= 1 && message.length > 0))
          throw new Error(`no place: ${line}:${column} ${message}`);
      }
    } catch (error) {
      throw new Error(`round ${round}: ${String(error)}\n${text}`, { cause: error });
    }
  }
  expect(tally.valid).toBeGreaterThan(100);
  expect(tally.refused).toBeGreaterThan(3_000);
}, 240_000);

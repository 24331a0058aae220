import { checks } from './registry.ts';

/** The list of all checks for docs/verify.md. */
export function checksAsMarkdown(): string {
  const sides = [
    ['outside', 'From outside'],
    ['inside', 'From inside'],
  ] as const;
  return sides
    .map(([side, title]) => {
      const rows = checks
        .filter((one) => one.side === side)
        .map(({ id, title, requirements, next }) => `| \`${id}\` | ${title} | ${requirements.join(', ')} | ${next} |`);
      return [
        `## ${title}`,
        '',
        '| check | what holds | proves | when it does not |',
        '| --- | --- | --- | --- |',
        ...rows,
      ].join('\n');
    })
    .join('\n\n')
    .concat('\n');
}

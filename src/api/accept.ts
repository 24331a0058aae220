/** Quality that an Accept header (RFC 9110, 12.5.1) gives a media type; 0 when it is not wanted. */
function quality(accept: string, type: string): number {
  const [group = ''] = type.split('/');
  let found = { rank: -1, q: 0 };
  for (const part of accept.toLowerCase().split(',')) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim());
    const rank = [`*/*`, `${group}/*`, type].indexOf(range);
    if (rank <= found.rank) continue;
    const q = Number(parameters.find((text) => text.startsWith('q='))?.slice(2) ?? 1);
    found = { rank, q: Number.isFinite(q) ? q : 0 };
  }
  return found.q;
}

/** Does the caller, a browser say, want a page rather than JSON? */
export function prefersHtml(accept: string | undefined): boolean {
  return accept !== undefined && quality(accept, 'text/html') > quality(accept, 'application/json');
}

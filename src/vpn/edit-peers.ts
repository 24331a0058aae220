import { isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { fail } from '../kernel/errors.ts';
import { parsePlatform } from '../platform/load.ts';
import type { PeerConfig } from '../platform/schema.ts';

/** The platform file with one peer more; everything else of it stays as it was written, comments too. @throws `config-invalid` */
export function withPeer(text: string, file: string, peer: PeerConfig): string {
  const document = parseDocument(text);
  const { reaches, ...rest } = peer;
  const node = document.createNode(reaches.length > 0 ? peer : rest);
  if (isSeq(document.getIn(['vpn', 'peers']))) document.addIn(['vpn', 'peers'], node);
  else if (isMap(document.get('vpn'))) document.setIn(['vpn', 'peers'], document.createNode([node]));
  else document.set('vpn', document.createNode({ peers: [node] }));
  return checked(String(document), file);
}

/** The platform file without the peer, and without its name under `reaches` of others. @throws `not-found` */
export function withoutPeer(text: string, file: string, name: string): string {
  const document = parseDocument(text);
  const peers = document.getIn(['vpn', 'peers']);
  const items = isSeq(peers) ? (peers.items as YAMLMap[]) : [];
  const index = items.findIndex((item) => isMap(item) && item.get('name') === name);
  if (index < 0) {
    const names = items.map((item) => String(item.get('name')));
    throw fail('not-found', `${file} has no peer ${name} (it has ${names.join(', ') || 'none'})`, {
      next: '`socle vpn list` shows them',
    });
  }
  document.deleteIn(['vpn', 'peers', index]);
  for (const item of items) {
    const reaches = item.get('reaches');
    if (!isSeq(reaches)) continue;
    reaches.items = reaches.items.filter((reached) => String(reached) !== name);
    if (reaches.items.length === 0) item.delete('reaches');
  }
  return checked(String(document), file);
}

function checked(text: string, file: string): string {
  parsePlatform(text, file);
  return text;
}

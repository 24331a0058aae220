import { expect, test } from 'vitest';
import { type FirewallStatus, planFirewallSteps } from './settle.ts';

const status = (confirmed: FirewallStatus['confirmed'], more: Partial<FirewallStatus> = {}): FirewallStatus => ({
  confirmed,
  current: confirmed !== '',
  loaded: confirmed !== '',
  trial: false,
  ...more,
});
const open = (through: 'public' | 'vpn') => ({ ruleset: 'open', through });
const closed = { ruleset: 'closed', through: 'vpn' };

test.each<[what: string, found: FirewallStatus, wanted: 'vpn' | 'public', way: 'vpn' | 'public', steps: unknown[]]>([
  ['a fresh host: open first, closed behind the VPN', status(''), 'vpn', 'public', [open('public'), closed]],
  ['a fresh host that stays open', status(''), 'public', 'public', [open('public')]],
  ['an open one that is to close', status('open'), 'vpn', 'public', [closed]],
  [
    'an open one with other rules by now',
    status('open', { current: false }),
    'vpn',
    'public',
    [open('public'), closed],
  ],
  ['a closed one', status('closed'), 'vpn', 'vpn', []],
  ['a closed one with other rules by now', status('closed', { current: false }), 'vpn', 'vpn', [closed]],
  ['a closed one whose rules somebody changed', status('closed', { loaded: false }), 'vpn', 'vpn', [closed]],
  ['a trial that nobody ended', status('closed', { trial: true }), 'vpn', 'vpn', [closed]],
  ['a closed one that is to open', status('closed'), 'public', 'vpn', [open('vpn')]],
  ['an open one that stays open', status('open'), 'public', 'vpn', []],
])('%s', (_, found, wanted, way, steps) => {
  expect(planFirewallSteps(found, wanted, way)).toEqual(steps);
});

import { expect, test } from 'vitest';
import type { Machine } from './driver.ts';
import { endingOf, qemuCommand } from './qemu.ts';

const machine: Machine = {
  name: 'm',
  release: 13,
  driver: 'qemu',
  directory: '/d',
  image: '/i',
  kubernetes: false,
};
const command = (more: Partial<Machine>, options: Partial<Parameters<typeof qemuCommand>[1]> = {}) =>
  qemuCommand({ ...machine, ...more }, { kvm: false, append: '', clock: '', ...options }).join(' ');

test('Debian’s own kernel is booted without a boot loader, with words of one boot on its command line', () => {
  const text = command({}, { append: 'socle.rescue=1' });
  expect(text).toContain('-kernel /i/vmlinuz -initrd /i/initrd.img -append root=/dev/vda rw');
  expect(text).toContain('net.ifnames=0 socle.rescue=1 -drive');
  expect(text).toContain('-accel tcg,thread=multi');
  expect(text).toContain('-rtc base=utc -no-reboot -qmp stdio');
});

test('hardware is used where it can be, a K3s gets 4 GiB, and a clock can be wrong', () => {
  const text = command({ kubernetes: true }, { kvm: true, clock: '2020-01-01T00:00:00' });
  expect(text).toContain('-accel kvm -cpu host');
  expect(text).toContain('-m 4096');
  expect(text).toContain('-rtc base=2020-01-01T00:00:00');
});

test.each([
  ['{"return": {}}', null],
  ['{"event": "RESUME"}', null],
  ['{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}', 'off'],
  ['{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}', 'rebooted'],
  ['{"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-system-reset"}}', 'rebooted'],
  ['{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-panic"}}', 'off'],
])('%s means %s', (line, ending) => {
  expect(endingOf(line)).toBe(ending);
});

/** Checks of `socle verify` about a kernel and a clock: a container has neither of its own. */
export const ofTheMachineBelow: readonly string[] = [
  'service-time',
  'sysctl-kernel',
  'system-apparmor',
  'system-audit',
];

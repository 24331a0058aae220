import { expect, test } from 'vitest';
import { platformSchema } from '../platform/schema.ts';
import { stepsOf } from './jobs.ts';

const vault = { repository: '/vault', password: { file: '/key' } };
const platform = (copy: boolean) =>
  platformSchema.parse({ name: 'home', environment: 'dev', backup: { vault, ...(copy ? { copy: vault } : {}) } });
const words = (...job: Parameters<typeof stepsOf>) => stepsOf(...job).map((step) => step.args.join(' '));

test('a backup is copied before anything is removed, and removal comes last', () => {
  expect(words('backup', 'shop', platform(true))).toEqual([
    'backup run --database shop',
    'vault copy',
    'backup prune --database shop --yes',
  ]);
  expect(words('deep-backup', 'shop', platform(false))).toEqual([
    'backup run --database shop --deep',
    'backup prune --database shop --yes',
  ]);
});

test('a copy of the cluster is copied to the second vault too', () => {
  expect(words('datastore', null, platform(true))).toEqual(['cluster snapshot save', 'vault copy']);
  expect(words('datastore', null, platform(false))).toEqual(['cluster snapshot save']);
});

test('a drill and a check are one command each', () => {
  expect(words('drill', 'shop', platform(true))).toEqual(['drill run --database shop']);
  expect(words('integrity', null, platform(true))).toEqual(['backup verify']);
});

import { confirmKit } from '../recovery/confirm.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle kit confirm` */
export const verb = define({
  options: { from: required('--from <directory>', 'where the kit is') },
  examples: ['socle kit confirm --from /media/usb/atelier-kit'],
  about:
    'Opens each vault with nothing but the kit, without a cache, and sees that its other files fit the platform. Until\n' +
    'that was done once, `socle status` warns.',
  async run({ from }, session) {
    const [platform, db] = [await session.platform(), await session.state()];
    const { clock, progress, signal, actor } = session;
    const confirmed = await confirmKit({ platform, actor, from }, { db, clock, progress, signal });
    const lines = confirmed.vaults.map(({ address, backups }) => `${address}: opened, ${backups} backups`);
    return { data: confirmed, text: [...lines, 'The kit is confirmed. Now put it where the host is not.'].join('\n') };
  },
});

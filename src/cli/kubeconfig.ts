import { operatorFiles, writePrivate } from '../platform/operator-files.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle kubeconfig` */
export const verb = define({
  options: {
    output: text('--output <file>', 'where to write it (default: ~/.config/socle/<platform>/kubeconfig)'),
    identity,
    hostKey,
  },
  examples: ['socle kubeconfig', 'socle kubeconfig --output ~/.kube/atelier'],
  about:
    'Fetches the administrator’s kubeconfig of the cluster into a file of mode 0600, and prints nothing of it. The API\n' +
    'that it names answers through the VPN only.',
  async run({ output, ...values }, session) {
    const connection = await connect(session, values);
    const { fetchKubeconfig } = await import('../host/kubeconfig.ts');
    const { name } = connection.platform;
    const file = output ?? operatorFiles(name).kubeconfig;
    await writePrivate(file, (await fetchKubeconfig(connection)).reveal());
    return { data: { file, context: name }, text: `${file} is written.\nNext: export KUBECONFIG=${file}` };
  },
});

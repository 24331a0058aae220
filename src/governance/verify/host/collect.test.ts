import { expect, test } from 'vitest';
import { platform } from '../../../../test/support/verified-host.ts';
import { run } from '../../../kernel/process.ts';
import { shellWord } from '../../../kernel/shell.ts';
import { divide, hostScript, look } from './collect.ts';
import { piece } from './piece.ts';
import { type PieceName, pieces } from './pieces.ts';

const text = piece<string>({ script: '', parse: (stdout) => stdout });

test('the script is one that a POSIX shell reads, and pieces that fail leave the others alone', async () => {
  const script = hostScript(platform, 'debian', ['system', 'firewall', 'sockets']);
  await run('sh', ['-n', '-c', script]);
  const answer = await run('sh', ['-c', script.replaceAll('/usr/local/lib/socle/firewall', '/nonexistent/firewall')]);
  const printed = divide(answer);
  expect([...printed.keys()]).toEqual(['system', 'firewall', 'sockets']);
  expect(printed.get('system')?.code).toBe(0);
  expect(printed.get('system')?.stdout).toContain('os=debian');
  expect(look('firewall', text, printed.get('firewall'))).toEqual({
    blind: expect.stringMatching(/^firewall could not be looked at: it ended with 127 \(.*not found\)$/),
  });
});

test('what was cut off, took too long or was not printed at all is no evidence', () => {
  const cut = divide({ stdout: '\u001ea\nyes\n\u001f0\n\u001eb\nhal', stderr: '' });
  expect(look('a', text, cut.get('a'))).toEqual({ value: 'yes\n' });
  expect(look('b', text, cut.get('b'))).toEqual({ blind: 'b could not be looked at: the connection ended' });
  expect(look('c', text, cut.get('c'))).toEqual({ blind: 'c could not be looked at: the connection ended' });
  const late = { stdout: '', stderr: '', code: 124 };
  expect(look('d', text, late)).toEqual({ blind: 'd could not be looked at: it took more than 60 s' });
});

test('the script of all pieces is short enough for an argument of ssh', () => {
  const script = hostScript(platform, 'debian', Object.keys(pieces) as PieceName[]);
  // A single argument may have 128 KiB, and it is quoted once more on the way: MAX_ARG_STRLEN, execve(2).
  expect(shellWord(shellWord(script)).length).toBeLessThan(120_000);
});

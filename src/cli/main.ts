import { Command, CommanderError } from 'commander';
import { debugging, debugText } from '../kernel/debug.ts';
import { asSocleError, type ExitCode, exit, fail } from '../kernel/errors.ts';
import { settleSurroundings } from '../kernel/surroundings.ts';
import { contents, type Entry, groups } from './contents.ts';
import { failureDocument, failureText } from './failure.ts';
import { declare, valuesOf } from './options.ts';
import type { Answer, Verb } from './verb.ts';

settleSurroundings();

/** Runs one command line and ends the process with the exit code of the one table. */
const argv = process.argv.slice(2);
const wantsJson = argv.includes('--json');
let answer: Answer | undefined;
let unwritten: NodeJS.ErrnoException | undefined;
const interruption = interruptible();

const program = new Command('socle')
  .description('Backs up PostgreSQL, restores it onto an empty server, and proves the result identical.')
  .option('--config <file>', 'the platform file (default: $SOCLE_CONFIG, ./platform.yaml, /etc/socle/platform.yaml)')
  .option('--json', 'print one JSON document on standard output, also for a failure')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  // A usage error is told below, like every other failure.
  .configureOutput({ writeErr: wantsJson ? () => {} : (text) => process.stderr.write(text), outputError: () => {} })
  .helpCommand(false)
  .addHelpText('after', '\nFirst steps: `socle demo`; then `socle init`, which writes a platform file.');

for (const entry of contents) addEntry(entry);

try {
  await program.parseAsync(asWritten(argv), { from: 'user' });
  if (answer && !answer.shown) await show(answer);
  end(answer?.exit ?? exit.ok);
} catch (error) {
  if (error instanceof CommanderError && error.exitCode === 0) end(exit.ok);
  const failure =
    error instanceof CommanderError
      ? usageError(error)
      : asSocleError(interruption.signal.aborted ? interruption.signal.reason : error);
  if (debugging() && failure.code !== 'usage') process.stderr.write(debugText(failure));
  if (wantsJson) await print(json(failureDocument(failure)));
  // A group without a command has shown its help, which says more.
  else if (!missesCommand(error)) process.stderr.write(failureText(failure));
  end(failure.failure.exit);
}

/** `socle help backup run` is `socle backup run --help`, and `socle --version` is `socle version`. */
function asWritten(words: readonly string[]): string[] {
  if (words[0] === 'help') return [...words.slice(1), '--help'];
  const version = words.includes('--version') && calledBy(words) === program;
  return words.map((word) => (version && word === '--version' ? 'version' : word));
}

/** The command or group that the first words name; the program itself when they name none. */
function calledBy(words: readonly string[]): Command {
  return words.reduce<Command>(
    (parent, word) => parent.commands.find((command) => command.name() === word) ?? parent,
    program,
  );
}

/** The command line names a group, or nothing at all. */
function missesCommand(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.help';
}

/** What commander refuses, with where to read on. */
function usageError(error: CommanderError) {
  const command = calledBy(argv);
  const path = [command, ...ancestors(command)]
    .map((one) => one.name())
    .reverse()
    .join(' ');
  const next = `see \`${path} --help\``;
  if (!missesCommand(error)) {
    return fail('usage', error.message.replace(/^error: /, '').replaceAll('\n', ' '), { next });
  }
  const names = command.commands.map((one) => one.name()).join(', ');
  return fail('usage', `\`${path}\` needs a command after it: ${names}`, { next });
}

function ancestors({ parent }: Command): Command[] {
  return parent === null ? [] : [parent, ...ancestors(parent)];
}

/** A command for the entry, whose verb is loaded when the command line turns out to be about it. */
function addEntry(entry: Entry): void {
  const words = entry.path.split(' ');
  const name = words.at(-1) as string;
  let parent = program;
  for (const word of words.slice(0, -1)) {
    parent = parent.commands.find((command) => command.name() === word) ?? addGroup(parent, word);
  }
  const command = parent.command(name).description(entry.summary);
  parent.hook('preSubcommand', async (_, called) => {
    if (called === command) prepare(command, await entry.load().then(({ verb }) => verb));
  });
}

function addGroup(parent: Command, name: string): Command {
  return parent
    .command(name)
    .description(groups[name] ?? '')
    .helpCommand(false);
}

function prepare(command: Command, verb: Verb): void {
  declare(command, verb.options);
  if (verb.about) command.addHelpText('before', `${verb.about}\n`);
  command.addHelpText('after', `\nExamples:\n${verb.examples.map((example) => `  $ ${example}`).join('\n')}`);
  command.action(async () => {
    const { config, json = false } = program.opts<{ config?: string; json?: boolean }>();
    const [{ terminalProgress }, { Session }] = await Promise.all([import('./progress.ts'), import('./session.ts')]);
    const progress = terminalProgress();
    using session = new Session({ config, json, progress, signal: interruption.signal, show });
    answer = await verb.run(valuesOf(command, verb.options), session);
  });
}

/** SIGINT and SIGTERM abort the work in an orderly way; the second one ends it at once. */
function interruptible(): AbortController {
  const controller = new AbortController();
  const abort = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(exit.interrupted);
    controller.abort(fail('interrupted', `interrupted by ${signal}`));
  };
  process.on('SIGINT', abort);
  process.on('SIGTERM', abort);
  // Nobody reads on: the work still comes to its end, and its exit code to whoever asks for that.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    unwritten ??= error;
  });
  return controller;
}

function textOf({ text }: Answer): string {
  const plain = typeof text === 'function' ? text() : text;
  return plain === '' || plain.endsWith('\n') ? plain : `${plain}\n`;
}

function json(data: unknown): string {
  return `${JSON.stringify(data, null, 2)}\n`;
}

function show(answer: Answer): Promise<void> {
  return print(wantsJson ? json(answer.data) : textOf(answer));
}

function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

/** A pipe that was closed, such as by `| head`, is no failure; a full disk that the answer was to go to is one. */
function end(code: ExitCode): never {
  if (code !== exit.ok || unwritten === undefined || unwritten.code === 'EPIPE') process.exit(code);
  const failure = fail('output-unwritten', `the answer could not be written to standard output (${unwritten.code})`);
  process.stderr.write(failureText(failure));
  process.exit(failure.failure.exit);
}

// Entry of the `holdfast` command: yargs and one module per command. Nothing heavy is imported here, so that --help is fast;
// each command loads what it needs when it runs. Exit codes: 0 fine, 1 failed, 2 usage, 3 degraded, 75 busy, try again.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import yargs from 'yargs';
import { nearestName } from '../config/nearest.js';
import { commands } from './commands.js';
import { UsageError } from './usage-error.js';
import { exitCodeOf, Output } from './output.js';

async function main(args: readonly string[]): Promise<number> {
  const output = new Output(args.includes('--json'));
  let exitCode = 0;
  const parser = yargs([...args])
    .scriptName('holdfast')
    .usage('$0 COMMAND\n\nFiles on a handful of local disks with parity, and an off-site copy that can be trusted.')
    .version(versionOf())
    .help()
    .alias('help', 'h')
    .strict()
    .wrap(100)
    .parserConfiguration({ 'greedy-arrays': true, 'camel-case-expansion': false, 'duplicate-arguments-array': true, 'boolean-negation': false })
    .epilogue('A volume is named by its configuration file: NAME means NAME.toml in $HOLDFAST_CONFIG_DIR, else /etc/holdfast;\na path ending in .toml is itself. `holdfast COMMAND --help` has examples.')
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  for (const command of commands) {
    parser.command({
      command: command.usage,
      describe: command.summary,
      builder: (options) => command.options(options).example(command.examples.map(([line, what]) => [`$0 ${line}`, what])),
      handler: async (values) => {
        exitCode = await command.run(values, output);
      },
    });
  }
  parser.demandCommand(1, 'which command?');
  try {
    refuseUnknown(args);
    await parser.parseAsync();
    return exitCode;
  } catch (error) {
    output.error(error);
    return exitCodeOf(error);
  }
}

/** yargs says only "unknown argument"; a command that nearly exists deserves its name. */
function refuseUnknown(args: readonly string[]): void {
  const name = args[0];
  if (name === undefined || name.startsWith('-')) return;
  const names = commands.map((command) => command.usage.split(' ')[0] ?? '');
  if (names.includes(name)) return;
  const near = nearestName(name, names);
  throw new UsageError(`there is no command ${name}; ${near === null ? `commands: ${names.join(', ')}` : `did you mean ${near}?`}`);
}

/** From the nearest package.json above. */
function versionOf(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (existsSync(path)) return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version; // our own package.json
    if (folder === '/') return 'unknown';
  }
}

// Not process.exit(): output to a pipe may still be on its way.
process.exitCode = await main(process.argv.slice(2));

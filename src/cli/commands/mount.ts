// holdfast mount: returns when the mount answers. The daemon goes on in the background, or here with --foreground.
import type { DaemonRequest } from '../../daemon/run.js';
import { type Command, flag, jsonOption, optionalText, text, texts, type Values, volumeArgument } from '../command.js';
import { mountInBackground, planMount } from '../mounting.js';
import type { Output } from '../output.js';

export const mount: Command = {
  usage: 'mount <name> <mountpoint>',
  summary: 'mount a volume; returns when it works',
  examples: [
    ['mount photos /srv/photos', ''],
    ['mount photos /srv/photos --read-only -o noatime,allow_other', ''],
    ['mount ./trial.toml /mnt/trial --foreground', 'for systemd, or to watch the log'],
  ],
  options: (parser) =>
    jsonOption(volumeArgument(parser))
      .positional('mountpoint', { type: 'string', demandOption: true, describe: 'an empty directory' })
      .option('foreground', { alias: 'f', type: 'boolean', default: false, describe: 'do not go into the background; log to stderr' })
      .option('read-only', { type: 'boolean', default: false, describe: 'refuse every change' })
      .option('prefer-history', { type: 'string', describe: 'where the disks hold two histories, or one that lost its end: go on with the one of this generation' })
      .option('options', { alias: 'o', type: 'string', array: true, nargs: 1, describe: 'mount options: key,key=value,...' }),
  run,
};

async function run(values: Values, output: Output): Promise<number> {
  const prefer = optionalText(values, 'prefer-history');
  const choices = { options: texts(values, 'options').flatMap((list) => list.split(',')), readOnly: flag(values, 'read-only'), ...(prefer === null ? {} : { preferHistory: prefer }) };
  const plan = planMount(text(values, 'name'), text(values, 'mountpoint'), choices, flag(values, 'foreground'));
  if (plan.limits !== null) output.warning(plan.limits);
  if (plan.request.foreground) return serve(plan.request, output);
  const launched = await mountInBackground(plan);
  output.document({ name: plan.settings.name, pid: launched.pid, mountpoint: launched.mountPoint });
  output.line(`${plan.settings.name} is mounted at ${launched.mountPoint} (pid ${launched.pid})`);
  return 0;
}

async function serve(request: DaemonRequest, output: Output): Promise<number> {
  const { runDaemon } = await import('../../daemon/run.js');
  const { systemComponents } = await import('../../daemon/system-components.js');
  await runDaemon(request, systemComponents, (served) => {
    output.document({ name: request.reference, pid: process.pid, mountpoint: served.mountPoint });
    output.line(`mounted at ${served.mountPoint}`);
  });
  return 0;
}

// Tells systemd that the mount answers (Type=notify), so that what is ordered after the unit finds its files. Node has no datagram
// sockets of the local kind: systemd-notify(1) speaks for us, which NotifyAccess=all allows.
import { execFile } from 'node:child_process';
import type { Logger } from '../base/logger.js';

/** Never rejects: a unit that waits for the word in vain is told by systemd, with its own limit. */
export async function noticeReady(mountPoint: string, logger: Logger): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  await new Promise<void>((resolve) => {
    execFile('systemd-notify', ['--ready', `--status=mounted at ${mountPoint}`], { cwd: '/', timeout: 10_000 }, (error, _stdout, stderr) => {
      if (error !== null) logger.warn({ error: stderr.trim() || error.message }, 'systemd could not be told that the mount answers');
      resolve();
    });
  });
}

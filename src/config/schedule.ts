// Cron expressions: whether one is valid, and when it is due next. Local time. The only place that knows croner.
import { Cron } from 'croner';

/** null when `expression` is a valid cron expression; else what is wrong with it. */
export function scheduleProblem(expression: string): string | null {
  try {
    const next = new Cron(expression, { paused: true }).nextRun();
    return next === null ? 'it never comes due' : null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
  }
}

/** Seconds since 1970 of the first time after `afterSeconds` at which the expression is due; null: never again. */
export function nextScheduled(expression: string, afterSeconds: number): number | null {
  const next = new Cron(expression, { paused: true }).nextRun(new Date(afterSeconds * 1000));
  return next === null ? null : next.getTime() / 1000;
}

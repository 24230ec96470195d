// Posts one JSON document to a URL. 2xx means taken; everything else is a problem in words, and whether the same may be taken later.
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';

export interface WebhookProblem {
  readonly message: string;
  /** It was refused for what it is: asking again will not help. */
  readonly final: boolean;
}

/** Said to have come too early, too often, or into a conflict that passes. */
const passing: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** null: taken. Never rejects. `stop` gives it up. */
export async function postTo(url: string, body: string, limitMs: number, clock: Clock, stop: AbortSignal): Promise<WebhookProblem | null> {
  const giveUp = new AbortController();
  const limit = clock.after(limitMs, () => giveUp.abort(new Error(`no answer within ${limitMs / 1000} s`)));
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', 'user-agent': 'holdfast' },
      // Where else it would be posted to nobody has configured.
      redirect: 'manual',
      signal: AbortSignal.any([giveUp.signal, stop]),
    });
    await response.body?.cancel();
    if (response.ok) return null;
    return { message: `answered ${response.status} ${response.statusText}`.trim(), final: response.status < 500 && !passing.has(response.status) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { message: messageOf(cause), final: false };
  } finally {
    limit.cancel();
  }
}

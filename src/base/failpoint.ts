// Named places where a test may stop, crash or fail the code. Every position between two durable steps has one.
// Off by default at the cost of one comparison; names are listed so that tests can visit each of them.

type Action = (name: string) => void;

let action: Action | undefined;
const seen = new Set<string>();

/** Marks a crash position. The action may throw to simulate death at this place. */
export function failpoint(name: string): void {
  if (action === undefined) return;
  seen.add(name);
  action(name);
}

/** Installs (or with undefined removes) what failpoints do. For tests and for HOLDFAST_FAILPOINT in the daemon. */
export function setFailpointAction(next: Action | undefined): void {
  action = next;
}

/** Names passed since the process started while an action was installed. */
export function failpointsSeen(): readonly string[] {
  return [...seen].sort();
}

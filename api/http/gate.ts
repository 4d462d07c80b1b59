import { unavailable } from './problem.ts';

/** Lets a limited number of long answers be read at once; refuses the others with 503, before their first piece. */
export type Gate = (open: () => AsyncIterable<string>) => AsyncIterable<string>;

export function createGate(limit: number, refusal: string): Gate {
  let inside = 0;
  return async function* pass(open) {
    if (inside >= limit) throw unavailable(refusal);
    inside += 1;
    try {
      yield* open();
    } finally {
      inside -= 1;
    }
  };
}

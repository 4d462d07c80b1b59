import type { z } from 'zod';
import type { faultsBody, OperationName } from './schemas.ts';

export type FaultSwitch = z.output<typeof faultsBody>[number];
export type Faulty = OperationName | 'LOOK_UP';

const DEFAULT_DELAY_MS = { TIME_OUT: 60_000, SLOW: 10_000 };

/** How long a call hangs, in milliseconds. */
export function delayOf(it: FaultSwitch): number {
  return it.delayMs ?? (it.fault === 'SLOW' ? DEFAULT_DELAY_MS.SLOW : DEFAULT_DELAY_MS.TIME_OUT);
}

/** Switches that make this server go wrong, so that others can test against it. Kept in memory: a restart heals. */
export interface Faults {
  /** Instead of those before. */
  set(switches: readonly FaultSwitch[]): void;
  /** The fault that the next call of this operation meets, counted down. */
  take(operation: Faulty): FaultSwitch | undefined;
  /** What is still to come. */
  left(): readonly FaultSwitch[];
}

export function createFaults(): Faults {
  let switches: FaultSwitch[] = [];
  return {
    set(given) {
      switches = [...given];
    },
    take(operation) {
      const found = switches.find((it) => it.operation === operation);
      if (found === undefined) return undefined;
      switches = switches
        .map((it) => (it === found ? { ...it, times: it.times - 1 } : it))
        .filter((it) => it.times > 0);
      return found;
    },
    left: () => switches,
  };
}

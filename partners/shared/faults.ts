import type { Response } from 'express';
import { z } from 'zod';
import { Problem } from './problem.ts';

/** What can go wrong at any partner. */
export const COMMON_FAULTS = ['TIME_OUT_AFTER_COMMIT', 'TIME_OUT_BEFORE', 'ERROR_500', 'SLOW'] as const;

const DEFAULT_DELAY_MS = { TIME_OUT: 60_000, SLOW: 10_000 };

export interface FaultSwitch<Operation extends string = string, Fault extends string = string> {
  readonly operation: Operation;
  readonly fault: Fault;
  readonly times: number;
  readonly delayMs?: number | undefined;
  /** Only calls that are made under this key. */
  readonly key?: string | undefined;
}

/** One switch, as `PUT /v1/faults` takes a list of them. */
export function faultSwitch<const Operation extends string, const Fault extends string>(
  operations: readonly Operation[],
  faults: readonly Fault[],
) {
  return z.strictObject({
    operation: z.enum(operations),
    fault: z.enum(faults),
    times: z.int().min(1).max(1_000_000),
    delayMs: z.int().min(0).max(600_000).optional(),
  });
}

/** Switches that make a server go wrong, so that others can test against it. Kept in memory: a restart heals. */
export interface Faults<Switch extends FaultSwitch> {
  /** Instead of those before. What is slow just now is done at once. */
  set(switches: readonly Switch[]): void;
  /** The fault that this call meets, counted down; a switch for ALL meets every operation. */
  take(call: Call): Switch | undefined;
  /** Resolves after that long, or when switches are set. */
  pause(delayMs: number): Promise<void>;
  /** What is still to come. */
  left(): readonly Switch[];
}

export interface Call {
  readonly operation: string;
  readonly key?: string | undefined;
}

export function createFaults<Switch extends FaultSwitch>(): Faults<Switch> {
  let switches: Switch[] = [];
  const slow = new Set<() => void>();
  return {
    set(given) {
      switches = [...given];
      for (const goOn of slow) goOn();
      slow.clear();
    },
    pause: (delayMs) =>
      new Promise((goOn) => {
        slow.add(goOn);
        setTimeout(() => {
          slow.delete(goOn);
          goOn();
        }, delayMs).unref();
      }),
    take({ operation, key }) {
      const found = switches.find(
        (it) =>
          (it.operation === operation || it.operation === 'ALL') && (it.key === undefined || it.key === key),
      );
      if (found === undefined) return undefined;
      switches = switches
        .map((it) => (it === found ? { ...it, times: it.times - 1 } : it))
        .filter((it) => it.times > 0);
      return found;
    },
    left: () => switches,
  };
}

/**
 * Answers a call with what `act` gives, or as the fault wants it that is switched on for it.
 * @param act does what was asked; a fault that is the partner's own, not one of everybody's, comes to it by name
 */
export async function answer<Switch extends FaultSwitch>(
  faults: Faults<Switch>,
  call: Call,
  response: Response,
  act: (fault?: Switch['fault']) => Promise<object>,
): Promise<void> {
  const it = faults.take(call);
  if (it === undefined) {
    response.json(await act());
    return;
  }
  const late = (): Promise<void> => faults.pause(it.delayMs ?? 0);
  switch (it.fault) {
    case 'SLOW':
      // Also when the caller has gone meanwhile: that is what makes it dangerous.
      await faults.pause(it.delayMs ?? DEFAULT_DELAY_MS.SLOW);
      response.json(await act());
      return;
    case 'TIME_OUT_BEFORE':
      hangUp(response, it.delayMs);
      return;
    case 'TIME_OUT_AFTER_COMMIT':
      await act();
      hangUp(response, it.delayMs);
      return;
    case 'DOWN':
      response.destroy();
      return;
    case 'ERROR_500':
      await late();
      throw new Problem('INTERNAL', 'A fault was switched on.');
    case 'NOT_FOUND':
      await late();
      throw new Problem('NOT_FOUND', 'A fault was switched on.');
    default: {
      const done = await act(it.fault);
      await late();
      response.json(done);
    }
  }
}

/** No answer; the connection goes when the caller does, at the latest after the delay. */
function hangUp(response: Response, delayMs: number = DEFAULT_DELAY_MS.TIME_OUT): void {
  const timer = setTimeout(() => response.destroy(), delayMs);
  timer.unref();
  response.on('close', () => {
    clearTimeout(timer);
  });
}

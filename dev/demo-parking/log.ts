import type { Where } from './lot.ts';

/** What happens, as it happens, one line each; and a sign of life while nothing does. */
export interface Log {
  tell(what: string, car?: { readonly name: string; readonly where: Where }): void;
  /** What is said every ten seconds of silence from now on. */
  whileSilent(what: string): void;
  stop(): void;
}

const SILENCE_MS = 10_000;

export function openLog(write: (line: string) => void): Log {
  const startedMs = Date.now();
  let saidMs = startedMs;
  let silence = '...';
  const tell: Log['tell'] = (what, car) => {
    saidMs = Date.now();
    const seconds = `${((saidMs - startedMs) / 1000).toFixed(1).padStart(5)} s`;
    write(`  ${seconds}  ${car === undefined ? '' : `${car.name}  ${nameOf(car.where).padEnd(18)}`}${what}`);
  };
  const timer = setInterval(() => {
    if (Date.now() - saidMs >= SILENCE_MS) tell(silence);
  }, 1_000);
  return {
    tell,
    whileSilent(what) {
      silence = `... ${what}`;
    },
    stop() {
      clearInterval(timer);
    },
  };
}

/** `central-1/7`; a ticket's number says nothing to anybody. */
export function nameOf({ placeId, space }: Where): string {
  return `${placeId}/${space ?? 'ticket'}`;
}

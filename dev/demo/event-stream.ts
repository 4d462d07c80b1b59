import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from './http.ts';

export interface StreamEvent {
  readonly id: number;
  readonly type: string;
  readonly data: unknown;
}

/** A phone that listens to its user's events and comes back after a lost connection, as a browser's EventSource does. */
export interface EventStream {
  readonly events: readonly StreamEvent[];
  readonly reconnects: () => number;
  readonly close: () => Promise<void>;
}

const RECONNECT_MS = 500;

/** Listens from the user's first event on. */
export function listenToEvents({ baseUrl, key }: Caller): EventStream {
  const events: StreamEvent[] = [];
  const closing = new AbortController();
  const isClosed = (): boolean => closing.signal.aborted;
  let connects = 0;

  async function readOnce(): Promise<void> {
    const response = await fetch(`${baseUrl}/v1/me/events`, {
      headers: {
        authorization: `Bearer ${key ?? ''}`,
        accept: 'text/event-stream',
        'last-event-id': String(events.at(-1)?.id ?? 0),
      },
      signal: closing.signal,
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      return;
    }
    connects += 1;
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const event = parseEvent(part);
        if (event !== undefined) events.push(event);
      }
    }
  }

  async function run(): Promise<void> {
    while (!isClosed()) {
      // Every end of a connection is got over the same way.
      await readOnce().catch(() => undefined);
      if (!isClosed()) await sleep(RECONNECT_MS);
    }
  }

  const running = run();
  return {
    events,
    reconnects: () => Math.max(0, connects - 1),
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** One event; undefined for a comment or a `retry` alone. */
export function parseEvent(text: string): StreamEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name !== '') fields.set(name, value);
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return {
    id: Number(fields.get('id')),
    type: fields.get('event') ?? 'message',
    data: JSON.parse(data) as unknown,
  };
}

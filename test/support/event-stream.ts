/** An open `GET /v1/me/events`, read as a browser's EventSource would. */
export interface EventStream {
  readonly events: { id: string; event: string; data: unknown }[];
  isEnded(): boolean;
  close(): void;
}

export async function openEventStream(
  baseUrl: string,
  token: string,
  lastEventId?: string,
): Promise<EventStream> {
  const abort = new AbortController();
  const response = await fetch(`${baseUrl}/v1/me/events`, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    },
    signal: abort.signal,
  });
  if (response.body === null || response.status !== 200)
    throw new Error(`the stream answered ${response.status}`);
  const events: EventStream['events'] = [];
  let isEnded = false;
  void read(response.body, events).finally(() => {
    isEnded = true;
  });
  return {
    events,
    isEnded: () => isEnded,
    close() {
      abort.abort();
    },
  };
}

async function read(body: ReadableStream<Uint8Array>, events: EventStream['events']): Promise<void> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string): string | undefined =>
          new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const data = field('data');
        if (data !== undefined) {
          events.push({
            id: field('id') ?? '',
            event: field('event') ?? '',
            data: JSON.parse(data) as unknown,
          });
        }
      }
    }
  } catch {
    // closed by us
  }
}

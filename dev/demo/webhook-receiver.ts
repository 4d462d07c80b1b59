import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Delivery {
  readonly webhookId: string;
  readonly type: string;
  readonly body: unknown;
  /** How often it came, the tries that were failed on purpose among them. */
  tries: number;
  accepted: boolean;
}

/** The merchant's own server: verifies each signature, and fails a few first tries to see them come again. */
export interface WebhookReceiver {
  readonly url: string;
  readonly trust: (secret: string) => void;
  readonly deliveries: () => readonly Delivery[];
  readonly failedOnPurpose: () => number;
  readonly faults: readonly string[];
  readonly close: () => Promise<void>;
}

const FAIL_EVERY = 10;

/** @param failures how many events are answered 503 on their first try */
export async function startWebhookReceiver(failures: number): Promise<WebhookReceiver> {
  const deliveries = new Map<string, Delivery>();
  const faults: string[] = [];
  let verifier: Webhook | undefined;
  let failed = 0;

  function receive(headers: Record<string, string>, text: string): number {
    let body: unknown;
    try {
      if (verifier === undefined) throw new Error('no secret is known yet');
      body = verifier.verify(text, headers);
    } catch (error) {
      faults.push(`webhook ${headers['webhook-id'] ?? ''}: ${error instanceof Error ? error.message : ''}`);
      return 400;
    }
    const webhookId = headers['webhook-id'] ?? '';
    const known = deliveries.get(webhookId);
    if (known !== undefined) {
      known.tries += 1;
      known.accepted = true;
      return 204;
    }
    const failsNow = failed < failures && deliveries.size % FAIL_EVERY === 1;
    if (failsNow) failed += 1;
    const type = headers['kessai-event-type'] ?? '';
    deliveries.set(webhookId, { webhookId, type, body, tries: 1, accepted: !failsNow });
    return failsNow ? 503 : 204;
  }

  const server = createServer((request, response) => {
    readBody(request).then(
      (text) => {
        response.writeHead(receive(plainHeaders(request), text)).end();
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/kessai`,
    trust(secret) {
      verifier = new Webhook(secret);
    },
    deliveries: () => [...deliveries.values()],
    failedOnPurpose: () => failed,
    faults,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:http';
import { listenProblem } from '../api/start-problem.ts';

/** A loopback port that was free a moment ago, for the SDK's own Prometheus exporter. */
export async function freeLoopbackPort(): Promise<number> {
  const probe = createNetServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** What the SDK's own exporter says, in Prometheus' text format; throws while it does not answer. */
export async function sdkMetrics(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!answer.ok) throw new Error(`the SDK's metrics answered ${answer.status}`);
  return answer.text();
}

/**
 * `/readyz` for orchestration and `/metrics` (the Temporal SDK's, Prometheus format) on one port.
 * @throws {StartProblem} if the port cannot be had
 */
export async function startHealthServer(
  host: string,
  port: number,
  isReady: () => boolean,
  sdkMetricsPort: number,
): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/readyz') {
      const ready = isReady();
      response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ready }));
    } else if (request.url === '/metrics') {
      sdkMetrics(sdkMetricsPort)
        .then((metrics) => {
          response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
          response.end(metrics);
        })
        .catch(() => response.writeHead(503).end());
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenProblem('worker', error, { host, port, variable: 'WORKER_METRICS_PORT' }));
    });
    server.listen(port, host, resolve);
  });
  return server;
}

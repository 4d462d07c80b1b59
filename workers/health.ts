import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:http';
import { listenProblem } from './start-problem.ts';

/** A loopback port that was free a moment ago, for the SDK's own Prometheus exporter. */
export async function freeLoopbackPort(): Promise<number> {
  const probe = createNetServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
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
      fetch(`http://127.0.0.1:${sdkMetricsPort}/metrics`)
        .then(async (metrics) => {
          response.writeHead(metrics.status, { 'content-type': 'text/plain; version=0.0.4' });
          response.end(await metrics.text());
        })
        .catch(() => response.writeHead(503).end());
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenProblem(error, host, port, 'WORKER_METRICS_PORT'));
    });
    server.listen(port, host, resolve);
  });
  return server;
}

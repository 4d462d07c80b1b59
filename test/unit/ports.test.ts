import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort, isPortFree, portFromEnvironment, requireFreePorts } from '../../dev/servers/ports.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a port in use gives one sentence that names the port, its use and the variable that changes it', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  try {
    await expect(requireFreePorts([{ what: 'the API', port, variable: 'PORT' }])).rejects.toThrow(
      `Port ${port}, wanted for the API, is in use: stop what listens there, or choose another one with PORT=NUMBER.`,
    );
  } finally {
    server.close();
  }
  await once(server, 'close');
  expect(await isPortFree(port)).toBe(true);
});

test('a server that listens on every address is seen, too', async () => {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    await expect(requireFreePorts([{ what: 'the API', port, variable: 'PORT' }])).rejects.toThrow(
      'is in use',
    );
  } finally {
    server.close();
  }
});

test('one port wanted twice names both variables', async () => {
  const port = await freePort();
  const wanted = [
    { what: 'the API', port, variable: 'PORT' },
    { what: 'Postgres', port, variable: 'KESSAI_PG_PORT' },
  ];
  await expect(requireFreePorts(wanted)).rejects.toThrow(/PORT.*KESSAI_PG_PORT/);
});

test.each(['0', '65536', '3000.5', 'abc', '-1'])('%s is no port number', (text) => {
  vi.stubEnv('KESSAI_TEST_PORT', text);
  expect(() => portFromEnvironment('KESSAI_TEST_PORT', 3000)).toThrow(
    `KESSAI_TEST_PORT=${text} is not a port number`,
  );
});

test('an unset or empty variable means the usual port', () => {
  vi.stubEnv('KESSAI_TEST_PORT', '');
  expect(portFromEnvironment('KESSAI_TEST_PORT', 3000)).toBe(3000);
});

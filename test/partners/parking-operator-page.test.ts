import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startParkingOperator, type TestParkingOperator } from '../support/parking-operator.ts';

let database: TestDatabase;
let operator: TestParkingOperator;

beforeAll(async () => {
  database = await createTestDatabase();
  operator = await startParkingOperator(database.url, { now: new Date('2026-11-22T03:00:00Z') });
});
afterAll(async () => {
  await operator.close();
  await database.drop();
});

it('shows each space with its state and no plate, and sends the picture anew when one changes', async () => {
  const placeId = await operator.place();
  await operator.admin('PUT', `/v1/places/${placeId}`, {
    name: 'A <b> & "c"',
    spaces: ['1', '2'],
    tariff: { unitAmount: 300 },
  });
  await operator.enter({ placeId, space: '1', credential: 'Shinagawa 300' });
  const page = await (await fetch(`${operator.baseUrl}/`)).text();
  expect(page).toContain('A &lt;b&gt; &amp; &quot;c&quot;');
  expect(page).toContain('<title>1: to be paid</title>');
  expect(page).toContain('<title>2: free</title>');
  expect(page).not.toContain('Shinagawa');

  const reader = (await fetch(`${operator.baseUrl}/changes`)).body
    ?.pipeThrough(new TextDecoderStream())
    .getReader();
  expect((await reader?.read())?.value).toContain('1: to be paid');
  await operator.payAtMachine({ placeId, space: '1' });
  expect((await reader?.read())?.value).toContain('1: open');
  operator.advance(5 * 60_000);
  expect((await reader?.read())?.value).toContain('1: re-locked');
  await reader?.cancel();
});

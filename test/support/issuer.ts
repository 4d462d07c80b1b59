import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createIssuerApp } from '../../partners/issuer/app.ts';
import type { Account, Books } from '../../partners/issuer/books.ts';
import { createPool } from '../../partners/shared/database.ts';
import { migrate } from '../../partners/issuer/migrate.ts';
import type { OperationView } from '../../partners/issuer/operations.ts';
import type { IssuerFault } from '../../partners/issuer/schemas.ts';
import { apiClient, type ApiCall } from './client.ts';
import { expectStatus, uniqueId, type Target } from './givens.ts';
import { listen } from './stack.ts';

/** A reference issuer of a test's own, over HTTP. */
export interface TestIssuer {
  readonly baseUrl: string;
  readonly adminKey: string;
  /** With the key of the issuer's own staff. */
  readonly admin: ApiCall;
  /** Opens a credit line and gives its name. */
  account(limit: number): Promise<string>;
  accountOf(accountRef: string): Promise<Account>;
  books(): Promise<Books>;
  /** Switches faults on, instead of those before; none heals it. */
  setFaults(...faults: IssuerFault[]): Promise<void>;
  /** Those that have met no call yet. */
  faultsLeft(): Promise<IssuerFault[]>;
  /** What the issuer has stored under a key, past every fault. */
  stored(key: string): Promise<Pick<OperationView, 'operation' | 'status'> | undefined>;
  /** Secrets that it accepts from now on. */
  trust(...secrets: string[]): Promise<void>;
  close(): Promise<void>;
}

/** @param databaseUrl its tables go to the schema `issuer` there */
export async function startIssuer(databaseUrl: string, it: { port?: number } = {}): Promise<TestIssuer> {
  const pool = createPool(databaseUrl, 'test-issuer');
  await migrate(pool);
  const adminKey = randomBytes(24).toString('hex');
  const errors: unknown[] = [];
  const app = createIssuerApp({
    pool,
    adminKey,
    withFaults: true,
    onError: (error) => {
      errors.push(error);
    },
  });
  const server = await listen(createServer(app), it.port);
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const admin = apiClient(baseUrl, adminKey);
  const ask = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const answer = await admin<Body>(method, path, body);
    expectStatus(answer, 200);
    return answer.body;
  };
  return {
    baseUrl,
    adminKey,
    admin,
    async account(limit) {
      const accountRef = uniqueId('ref');
      await ask('PUT', `/v1/accounts/${accountRef}`, { limit });
      return accountRef;
    },
    accountOf: (accountRef) => ask('GET', `/v1/accounts/${accountRef}`),
    books: () => ask('GET', '/v1/books'),
    async setFaults(...faults) {
      await ask('PUT', '/v1/faults', faults);
    },
    faultsLeft: () => ask('GET', '/v1/faults'),
    async stored(key) {
      const found = await pool.query<OperationView>(
        'select operation, status from issuer.operation where operation_key = $1',
        [key],
      );
      return found.rows[0];
    },
    async trust(...secrets) {
      await ask('PUT', '/v1/signing-secrets', { secrets });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await pool.end();
    },
  };
}

/** This fault of every call of an operation, until switches are set anew. */
export const always = (operation: IssuerFault['operation'], fault: IssuerFault['fault']): IssuerFault => ({
  operation,
  fault,
  times: 1_000_000,
});

/** Says nothing of these operations, nor what became of them. */
export const silentAt = (...operations: IssuerFault['operation'][]): IssuerFault[] =>
  [...operations, 'LOOK_UP' as const].map((operation) => always(operation, 'ERROR_500'));

/** Makes an issuer known to a Kessai, with a secret that both share. */
export async function connectIssuer(kessai: Target, issuer: TestIssuer): Promise<string> {
  const issuerId = uniqueId('i');
  const admin = apiClient(kessai.baseUrl, kessai.adminKey);
  const body = { name: 'Test Credit', baseUrl: issuer.baseUrl, timeZone: 'Asia/Tokyo' };
  expectStatus(await admin('PUT', `/v1/issuers/${issuerId}`, body), 200);
  const made = await admin<{ secret: string }>('POST', `/v1/issuers/${issuerId}/signing-secret`);
  expectStatus(made, 201);
  await issuer.trust(made.body.secret);
  return issuerId;
}

/** Gives a user a credit line at an issuer, and its name there. */
export async function givenPayLater(
  kessai: Target,
  issuer: TestIssuer,
  it: { issuerId: string; userId: string; limit: number },
): Promise<string> {
  const accountRef = await issuer.account(it.limit);
  const admin = apiClient(kessai.baseUrl, kessai.adminKey);
  const body = { issuerId: it.issuerId, accountRef };
  expectStatus(await admin('PUT', `/v1/users/${it.userId}/pay-later`, body), 200);
  return accountRef;
}

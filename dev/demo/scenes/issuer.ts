import { setTimeout as sleep } from 'node:timers/promises';
import { accountId, entrySum } from '../../../db/ledger.ts';
import { createPool } from '../../../db/pool.ts';
import { ask, demand, type Caller, type Trouble } from '../http.ts';
import type { StackIssuer } from '../stack.ts';

/** The reference issuer, as its own staff reaches it. */
export interface IssuerStaff {
  readonly issuerId: string;
  /** Opens a credit line, in yen. */
  openAccount(accountRef: string, limit: number): Promise<void>;
  /** What an account owes: captured and not given back. */
  owed(accountRef: string): Promise<number>;
  /** Whether this issuer can be made to go wrong. */
  hasFaultSwitch(): Promise<boolean>;
  /** The next authorisation is booked and its answer never comes. */
  loseNextAnswer(): Promise<void>;
  books(): Promise<IssuerBooks>;
}

/** `GET /v1/books` of the issuer. */
export interface IssuerBooks {
  readonly accounts: number;
  readonly reserved: number;
  readonly captured: number;
  readonly breaks: readonly { readonly check: string; readonly subject: string; readonly detail: string }[];
}

/** Longer than Kessai waits for an answer. */
const HANGS_MS = 15_000;

export function issuerStaff(issuer: StackIssuer, trouble: Trouble): IssuerStaff {
  const caller: Caller = { baseUrl: issuer.baseUrl, key: issuer.adminKey, trouble };
  return {
    issuerId: issuer.issuerId,
    async openAccount(accountRef, limit) {
      await demand(caller, 'PUT', `/v1/accounts/${accountRef}`, { limit });
    },
    async owed(accountRef) {
      const { captured } = await demand(caller, 'GET', `/v1/accounts/${accountRef}`);
      return Number(captured);
    },
    async hasFaultSwitch() {
      return (await ask(caller, 'GET', '/v1/faults')).status === 200;
    },
    async loseNextAnswer() {
      const fault = {
        operation: 'AUTHORISE',
        fault: 'TIME_OUT_AFTER_COMMIT',
        times: 1,
        delayMs: HANGS_MS,
      };
      await demand(caller, 'PUT', '/v1/faults', [fault]);
    },
    async books() {
      return (await demand(caller, 'GET', '/v1/books')) as unknown as IssuerBooks;
    },
  };
}

/** Both sides' sums of what the issuer is owed, in yen. */
export interface IssuerProof {
  readonly accounts: number;
  readonly issuerSays: number;
  readonly ledgerSays: number;
  /** Lines of this run whose debt is what its payments came to. */
  readonly lines: { readonly checked: number; readonly different: number };
  readonly faults: readonly string[];
}

/** Captures come after the till's answer. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 250;

/**
 * Holds the issuer's books, all of them, against the issuer's account in our ledger, and each of this run's credit lines against
 * what its payments came to.
 * @param lines what each line must owe, by its `accountRef`
 */
export async function proveIssuer(
  staff: IssuerStaff,
  databaseUrl: string,
  lines: ReadonlyMap<string, number>,
): Promise<IssuerProof> {
  const pool = createPool(databaseUrl, { max: 1, name: 'kessai-demo-issuer' });
  const look = async () => {
    const { captured, accounts, breaks } = await staff.books();
    const ledgerSays = -(await entrySum(pool, accountId.issuer(staff.issuerId, 'JPY')));
    return { accounts, issuerSays: captured, ledgerSays, breaks };
  };
  const deadlineMs = Date.now() + PATIENCE_MS;
  let { breaks, ...sums } = await look();
  while (sums.issuerSays !== sums.ledgerSays && Date.now() < deadlineMs) {
    await sleep(LOOK_EVERY_MS);
    ({ breaks, ...sums } = await look());
  }
  await pool.end();
  const differing: string[] = [];
  for (const [accountRef, expected] of lines) {
    const owed = await staff.owed(accountRef);
    if (owed !== expected)
      differing.push(`issuer: ${accountRef} owes ${owed}, its payments come to ${expected}`);
  }
  const faults = breaks.map((it) => `issuer: ${it.check}: ${it.subject}: ${it.detail}`);
  if (sums.issuerSays !== sums.ledgerSays)
    faults.push(`issuer: its books say ${sums.issuerSays}, our ledger ${sums.ledgerSays}`);
  return {
    ...sums,
    lines: { checked: lines.size, different: differing.length },
    faults: [...faults, ...differing],
  };
}

/** A line for the end of a report. */
export function describeIssuer({ accounts, issuerSays, ledgerSays, lines }: IssuerProof): string {
  return (
    `  issuer's books (all ${accounts} lines): ${issuerSays} JPY owed, our ledger ${ledgerSays}; ` +
    `${lines.checked - lines.different} of ${lines.checked} lines of this run owe what was paid minus refunds`
  );
}

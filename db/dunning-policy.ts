import type { DunningPolicy } from '../domain/dunning/policy.ts';
import type { DebtKey } from './debt.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** Keeps an issuer's own rules as a new version (`v1`, `v2` …), unless they are what they were. */
export async function putDunningPolicy(
  db: Db,
  it: { issuerId: string; policy: Omit<DunningPolicy, 'version'>; requestHash: string; at: Date },
): Promise<{ readonly result: 'CREATED' | 'SAME'; readonly policy: DunningPolicy }> {
  const statement = { name: 'dunning_policy_put', text: 'select dunning_policy_put($1::jsonb) as outcome' };
  const row = await oneRow<{ outcome: { result: 'CREATED' | 'SAME'; policy: DunningPolicy } }>(
    db,
    statement,
    [JSON.stringify(it)],
  );
  return row.outcome;
}

/** An issuer's own rules, the newest or of a version; undefined if it has none. */
export async function findDunningPolicy(
  db: Db,
  issuerId: string,
  version?: string,
): Promise<DunningPolicy | undefined> {
  const statement = {
    name: 'dunning_policy_find',
    text: `select policy from dunning_policy where issuer_id = $1 and ($2::text is null or 'v' || version = $2)
            order by version desc limit 1`,
  };
  return (await firstRow<{ policy: DunningPolicy }>(db, statement, [issuerId, version ?? null]))?.policy;
}

/** An issuer's open debts that are under other rules, in the order of their ids. */
export async function listDebtsUnderOtherPolicy(
  db: Db,
  it: { issuerId: string; version: string; after: string; limit: number },
): Promise<string[]> {
  const statement = {
    name: 'debt_other_policy',
    text: `select debt_id as "debtId" from debt
            where issuer_id = $1 and closed_at is null and policy_version <> $2 and debt_id > $3 order by debt_id limit $4`,
  };
  const found = await rows<{ debtId: string }>(db, statement, [it.issuerId, it.version, it.after, it.limit]);
  return found.map((row) => row.debtId);
}

export type AdoptOutcome = 'DONE' | 'SAME' | 'CLOSED' | 'UNKNOWN';

/** Moves an open debt to a version of its issuer's rules; who asked for it is kept. */
export async function adoptDunningPolicy(
  db: Db,
  it: DebtKey & { version: string; actor: string; at: string },
): Promise<AdoptOutcome> {
  const statement = { name: 'debt_adopt_policy', text: 'select debt_adopt_policy($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: AdoptOutcome }>(db, statement, [JSON.stringify(it)])).outcome;
}

import { openMerchantAccount } from './ledger.ts';
import { firstRow, oneRow, rows, type Db, type Pool } from './pool.ts';
import { withTransaction } from './tx.ts';

export interface Store {
  readonly storeId: string;
  readonly name: string;
  readonly terminals: readonly string[];
}

export interface Merchant {
  readonly merchantId: string;
  readonly name: string;
  readonly timeZone: string;
  readonly currency: string;
  readonly webhookUrl: string | null;
  readonly stores: readonly Store[];
}

export type PutMerchantResult =
  { readonly kind: 'stored'; readonly created: boolean } | { readonly kind: 'currency_fixed' };

/** Stores a merchant as given: stores and terminals that are not named any more are gone, payments keep their ids. */
export async function putMerchant(pool: Pool, merchant: Merchant): Promise<PutMerchantResult> {
  return withTransaction(pool, async (tx): Promise<PutMerchantResult> => {
    const before = await firstRow<{ currency: string }>(
      tx,
      { name: 'merchant_lock', text: 'select currency from merchant where merchant_id = $1 for update' },
      [merchant.merchantId],
    );
    if (before !== undefined && before.currency !== merchant.currency) return { kind: 'currency_fixed' };
    const stored = await oneRow<{ currency: string }>(
      tx,
      {
        name: 'merchant_upsert',
        text: `insert into merchant (merchant_id, name, time_zone, currency, webhook_url) values ($1, $2, $3, $4, $5)
               on conflict (merchant_id) do update
                  set name = excluded.name, time_zone = excluded.time_zone, webhook_url = excluded.webhook_url,
                      updated_at = now()
               returning currency`,
      },
      [merchant.merchantId, merchant.name, merchant.timeZone, merchant.currency, merchant.webhookUrl],
    );
    // Two first ones at once: the other one's currency stands.
    if (stored.currency !== merchant.currency) return { kind: 'currency_fixed' };
    await openMerchantAccount(tx, merchant.merchantId, merchant.currency);
    await replaceStores(tx, merchant.merchantId, merchant.stores);
    return { kind: 'stored', created: before === undefined };
  });
}

async function replaceStores(tx: Db, merchantId: string, stores: readonly Store[]): Promise<void> {
  await rows(tx, { name: 'store_delete', text: 'delete from store where merchant_id = $1' }, [merchantId]);
  await rows(
    tx,
    {
      name: 'store_insert',
      text: `insert into store (merchant_id, store_id, name)
             select $1, s, n from unnest($2::text[], $3::text[]) as t(s, n)`,
    },
    [merchantId, stores.map((store) => store.storeId), stores.map((store) => store.name)],
  );
  const terminals = stores.flatMap((store) =>
    store.terminals.map((terminal) => [store.storeId, terminal] as const),
  );
  await rows(
    tx,
    {
      name: 'terminal_insert',
      text: `insert into terminal (merchant_id, store_id, terminal_id)
             select $1, s, t from unnest($2::text[], $3::text[]) as x(s, t)`,
    },
    [merchantId, terminals.map(([store]) => store), terminals.map(([, terminal]) => terminal)],
  );
}

/** A merchant with stores and terminals. */
export async function findMerchant(db: Db, merchantId: string): Promise<Merchant | undefined> {
  const statement = {
    name: 'merchant_find',
    text: `select merchant_id as "merchantId", name, time_zone as "timeZone", currency, webhook_url as "webhookUrl",
                  coalesce((select jsonb_agg(jsonb_build_object('storeId', s.store_id, 'name', s.name, 'terminals',
                      coalesce((select jsonb_agg(t.terminal_id order by t.terminal_id) from terminal t
                        where t.merchant_id = s.merchant_id and t.store_id = s.store_id), '[]'::jsonb)) order by s.store_id)
                    from store s where s.merchant_id = m.merchant_id), '[]'::jsonb) as stores
             from merchant m where merchant_id = $1`,
  };
  return firstRow<Merchant & Record<string, unknown>>(db, statement, [merchantId]);
}

/** Whether there is a merchant of this id. */
export async function isMerchant(db: Db, merchantId: string): Promise<boolean> {
  const statement = { name: 'merchant_is', text: 'select 1 from merchant where merchant_id = $1' };
  return (await firstRow(db, statement, [merchantId])) !== undefined;
}

/** What the payment edge must know about the till that asks, in one look-up. */
export interface Till {
  readonly currency: string | null;
  readonly storeKnown: boolean;
  readonly terminalKnown: boolean;
}

/** Whether merchant, store and terminal belong together; `currency` is null for an unknown merchant. */
export async function findTill(
  db: Db,
  merchantId: string,
  storeId: string,
  terminalId: string,
): Promise<Till> {
  const statement = {
    name: 'till_find',
    text: `select (select currency from merchant where merchant_id = $1) as currency,
                  exists (select 1 from store where merchant_id = $1 and store_id = $2) as "storeKnown",
                  exists (select 1 from terminal where merchant_id = $1 and store_id = $2 and terminal_id = $3) as "terminalKnown"`,
  };
  return oneRow<Till & Record<string, unknown>>(db, statement, [merchantId, storeId, terminalId]);
}

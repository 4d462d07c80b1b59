import { parkingMerchantId } from '../domain/parking/settlement.ts';
import { openMerchantAccount } from './ledger.ts';
import { rows, type Db } from './pool.ts';
import { USER_CURRENCY } from './user.ts';

/**
 * The merchant that an operator is paid as, so that refunds, reconciliation and the proofs of the ledger work as for any other. Goes into
 * the transaction that stores the operator.
 */
export async function putOperatorMerchant(
  tx: Db,
  it: { operatorId: string; name: string; timeZone: string },
): Promise<void> {
  const merchantId = parkingMerchantId(it.operatorId);
  const statement = {
    name: 'parking_merchant_put',
    text: `insert into merchant (merchant_id, name, time_zone, currency) values ($1, $2, $3, $4)
           on conflict (merchant_id) do update
              set name = excluded.name, time_zone = excluded.time_zone, updated_at = now()`,
  };
  await rows(tx, statement, [merchantId, it.name, it.timeZone, USER_CURRENCY]);
  await openMerchantAccount(tx, merchantId, USER_CURRENCY);
}

import type { PaidForStay } from '../domain/parking/quote.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** What a driver was shown. Times are RFC 3339 in UTC, amounts minor units. */
export interface ParkingQuote {
  readonly quoteId: string;
  readonly userId: string;
  readonly operatorId: string;
  readonly operatorName: string;
  readonly operatorPhone?: string | undefined;
  readonly invoiceNumber?: string | undefined;
  readonly release: 'SERVER' | 'OPERATOR_CONFIRM';
  readonly placeId: string;
  readonly placeName: string;
  readonly space?: string | undefined;
  readonly sessionId: string;
  readonly startedAt: string;
  /** Of the whole stay. */
  readonly fee: number;
  /** Of that, paid before. */
  readonly paidBefore: number;
  /** What is left to pay. */
  readonly amount: number;
  readonly currency: string;
  readonly taxRatePercent: number;
  /** Contained in `amount`. */
  readonly taxAmount: number;
  readonly lines: readonly unknown[];
  readonly feeSource: 'OPERATOR' | 'KESSAI';
  /** Our tariff stands in for the operator's server. */
  readonly isFallback: boolean;
  readonly saidByDriver: boolean;
  readonly quotedAt: string;
  readonly expiresAt: string;
  /** Until when a driver who has paid may be out. */
  readonly exitBy: string;
}

/** Keeps a quote as it is shown. */
export async function insertQuote(db: Db, it: ParkingQuote): Promise<void> {
  const statement = {
    name: 'parking_quote_insert',
    text: `insert into parking_quote (
             quote_id, user_id, operator_id, operator_name, operator_phone, invoice_number, release, place_id, place_name, space,
             session_id, started_at, fee, paid_before, amount, currency, tax_rate_percent, tax_amount, lines, fee_source,
             is_fallback, said_by_driver, quoted_at, expires_at, exit_by)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
                   $24, $25)`,
  };
  await rows(db, statement, [
    it.quoteId,
    it.userId,
    it.operatorId,
    it.operatorName,
    it.operatorPhone,
    it.invoiceNumber,
    it.release,
    it.placeId,
    it.placeName,
    it.space,
    it.sessionId,
    it.startedAt,
    it.fee,
    it.paidBefore,
    it.amount,
    it.currency,
    it.taxRatePercent,
    it.taxAmount,
    JSON.stringify(it.lines),
    it.feeSource,
    it.isFallback,
    it.saidByDriver,
    it.quotedAt,
    it.expiresAt,
    it.exitBy,
  ]);
}

/** A user's own quote. */
export async function findQuote(db: Db, userId: string, quoteId: string): Promise<ParkingQuote | undefined> {
  const statement = {
    name: 'parking_quote_find',
    text: `select json_strip_nulls(json_build_object(
             'quoteId', quote_id, 'userId', user_id, 'operatorId', operator_id, 'operatorName', operator_name,
             'operatorPhone', operator_phone, 'invoiceNumber', invoice_number, 'release', release, 'placeId', place_id,
             'placeName', place_name, 'space', space, 'sessionId', session_id, 'startedAt', rfc3339(started_at), 'fee', fee,
             'paidBefore', paid_before, 'amount', amount, 'currency', currency, 'taxRatePercent', tax_rate_percent,
             'taxAmount', tax_amount, 'lines', lines, 'feeSource', fee_source, 'isFallback', is_fallback,
             'saidByDriver', said_by_driver, 'quotedAt', rfc3339(quoted_at), 'expiresAt', rfc3339(expires_at),
             'exitBy', rfc3339(exit_by))) as view
             from parking_quote where quote_id = $2 and user_id = $1`,
  };
  return (await firstRow<{ view: ParkingQuote }>(db, statement, [userId, quoteId]))?.view;
}

/** What was paid for a stay and not given back, minor units. */
export async function findPaidForStay(db: Db, operatorId: string, sessionId: string): Promise<PaidForStay> {
  const statement = {
    name: 'parking_paid',
    text: `select parking_paid($1, $2) as amount,
                  coalesce(sum(s.amount) filter (where s.operator_outcome is distinct from 'RELEASED'), 0)::bigint as "unheardAmount",
                  max(parking_exit_by(s, q)) as "exitBy"
             from parking_settlement s join parking_quote q using (quote_id)
            where s.operator_id = $1 and s.session_id = $2 and parking_is_paid(s)`,
  };
  const found = await oneRow<{ amount: number; unheardAmount: number; exitBy: Date | null }>(db, statement, [
    operatorId,
    sessionId,
  ]);
  const { exitBy, ...amounts } = found;
  return { ...amounts, exitByMs: exitBy?.getTime() };
}

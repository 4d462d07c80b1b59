/**
 * A merchant's book: what was taken, taken back in full, and refunded, each at its moment and with the transfer that moved
 * it. Amounts are signed as on the merchant's account; `account` is the other side. Disputes are not the merchant's.
 * To be filtered by `merchant_id` and `at` (indexed), or by `book_id`.
 */
export const MERCHANT_BOOK = `
  select p.merchant_id, p.decided_at as at, 'PAYMENT' as type, 1 as type_rank, p.payment_id as book_id, p.payment_id,
         p.merchant_payment_id, null::text as refund_id, null::text as merchant_refund_id, p.store_id, p.terminal_id,
         p.receipt_number, p.code_mode, p.funding_source, p.currency, p.amount,
         coalesce(p.transfer_id, 'payment:' || p.payment_id) as transfer_id,
         payment_source_account(p) as account
    from payment p
   where p.status in ('COMPLETED', 'REFUNDED') or p.status = 'CANCELED' and p.transfer_id is not null
  union all
  select p.merchant_id, p.canceled_at, 'CANCEL', 2, p.payment_id, p.payment_id, p.merchant_payment_id, null, null,
         p.store_id, p.terminal_id, p.receipt_number, p.code_mode, p.funding_source, p.currency, -p.amount,
         'cancel:' || p.payment_id,
         payment_source_account(p)
    from payment p
   where p.status = 'CANCELED' and p.transfer_id is not null
  union all
  select r.merchant_id, r.decided_at, 'REFUND', 3, r.refund_id, r.payment_id, r.merchant_payment_id, r.refund_id,
         r.merchant_refund_id, p.store_id, p.terminal_id, p.receipt_number, p.code_mode, p.funding_source, r.currency,
         -r.amount, coalesce(r.transfer_id, 'refund:' || r.refund_id),
         payment_source_account(p)
    from refund r join payment p on p.payment_id = r.payment_id
   where r.kind = 'MERCHANT' and r.status = 'COMPLETED'`;

import type { DunningActivityDeps } from './dunning.ts';
import type { IssuerActivityDeps } from './issuer.ts';
import type { ParkingOperatorActivityDeps } from './parking-operator.ts';
import type { ParkingSettlementActivityDeps } from './parking-settlement.ts';
import type { PaymentActivityDeps } from './payment.ts';
import type { ReconciliationActivityDeps } from './reconciliation.ts';
import type { PushActivityDeps } from './push.ts';
import type { RefundActivityDeps } from './refund.ts';
import type { RepaymentActivityDeps } from './repayment.ts';
import type { WebhookActivityDeps } from './webhook.ts';

/** Everything the activities work with. */
export type ActivityDeps = PaymentActivityDeps &
  DunningActivityDeps &
  IssuerActivityDeps &
  PushActivityDeps &
  ParkingOperatorActivityDeps &
  ParkingSettlementActivityDeps &
  ReconciliationActivityDeps &
  RefundActivityDeps &
  RepaymentActivityDeps &
  WebhookActivityDeps;

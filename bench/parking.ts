import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { newId } from '../db/id.ts';
import { insertQuote, type ParkingQuote } from '../db/parking-quote.ts';
import type { Pool } from '../db/pool.ts';
import { assertDefined } from '../domain/assert.ts';
import {
  confirmRelease,
  parkingWorkflowId,
  type ParkingSettlementInput,
} from '../workflows/parking-settlement/contract.ts';
import { AWAITING_OPERATOR } from '../workflows/search-attributes.ts';
import { eachOf, type Payer, type People } from './people.ts';

const AMOUNT_MINOR = 600;
const MINUTE_MS = 60_000;

/** A driver's quote, and what the API makes of the request to pay it. */
export interface QuotedStay {
  readonly quote: ParkingQuote;
  readonly input: ParkingSettlementInput;
}

/** Quotes for stays of their own, spread over all payers, as `POST /v1/parking/quotes` keeps them. */
export async function quoteStays(pool: Pool, people: People, count: number): Promise<QuotedStay[]> {
  const stays: QuotedStay[] = [];
  const first = randomInt(people.payers.length);
  await eachOf(count, 8, async (index) => {
    const payer = assertDefined(people.payers[(first + index) % people.payers.length]);
    const quote = quoteOf(people.operatorId, payer, Date.now());
    await insertQuote(pool, quote);
    stays.push({ quote, input: inputOf(quote, payer) });
  });
  return stays;
}

function quoteOf(operatorId: string, { userId }: Payer, nowMs: number): ParkingQuote {
  const at = (minutes: number): string => new Date(nowMs + minutes * MINUTE_MS).toISOString();
  return {
    quoteId: newId('quo'),
    userId,
    operatorId,
    operatorName: 'Bench Parking',
    release: 'OPERATOR_CONFIRM',
    placeId: 'place-1',
    placeName: 'Bench',
    space: '1',
    sessionId: newId('req'),
    startedAt: at(-60),
    fee: AMOUNT_MINOR,
    paidBefore: 0,
    amount: AMOUNT_MINOR,
    currency: 'JPY',
    taxRatePercent: 10,
    taxAmount: 54,
    lines: [],
    feeSource: 'KESSAI',
    isFallback: false,
    saidByDriver: false,
    quotedAt: at(0),
    expiresAt: at(60),
    exitBy: at(70),
  };
}

function inputOf({ quoteId }: ParkingQuote, { userId, deviceId }: Payer): ParkingSettlementInput {
  return {
    settlementRef: newId('set'),
    paymentId: newId('pay'),
    settlementId: newId('req'),
    userId,
    deviceId,
    quoteId,
    fundingSource: 'BALANCE',
    releaseCode: '0000',
    requestHash: quoteId,
    attemptId: newId('req'),
  };
}

/** A person lets each driver out, and the settlements end. */
export async function releaseAll(client: Client, open: readonly QuotedStay[]): Promise<void> {
  await eachOf(open.length, 8, async (index) => {
    const { userId, settlementId } = assertDefined(open[index]).input;
    const handle = client.workflow.getHandle(parkingWorkflowId(userId, settlementId));
    const word = { operator: 'bench', outcome: 'RELEASED', amount: AMOUNT_MINOR } as const;
    // One that is decided and asks nobody yet does not obey.
    while ((await handle.describe()).typedSearchAttributes.get(AWAITING_OPERATOR) !== true) await delay(20);
    await handle.signal(confirmRelease, word);
    await handle.result();
  });
}

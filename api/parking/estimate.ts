import type { z } from 'zod';
import { findParkingOperator, findParkingPlace } from '../../db/parking.ts';
import type { Db } from '../../db/pool.ts';
import { holidaysOfZone } from '../../db/public-holiday.ts';
import { tariffCalendar } from '../../db/tariff-calendar.ts';
import { assertDefined } from '../../domain/assert.ts';
import type { HolidayCalendar } from '../../domain/dunning/policy.ts';
import { feeOf, tariffOf } from '../../domain/parking/fee.ts';
import { feeView, type FeeView } from '../../domain/parking/fee-view.ts';
import type { RateTable } from '../../domain/parking/rate-table.ts';
import { notFound, Problem } from '../http/problem.ts';
import type { estimateBody } from './schemas.ts';

interface Terms {
  readonly rateTable: RateTable;
  readonly timeZone: string;
  readonly holidays: HolidayCalendar | undefined;
}

/**
 * What a stay would cost, by a place's rate table of now or by one that was sent.
 * @throws Problem NOT_FOUND for a place that is not known, CONFLICT_STATE for one without a rate table
 */
export async function estimateFee(db: Db, body: z.output<typeof estimateBody>): Promise<FeeView> {
  const { rateTable, timeZone, holidays } =
    body.placeId === undefined
      ? {
          rateTable: assertDefined(body.rateTable),
          timeZone: assertDefined(body.timeZone),
          holidays: body.holidays,
        }
      : await termsOfPlace(db, body.placeId);
  const calendar = tariffCalendar(timeZone, holidays ?? holidaysOfZone(timeZone));
  const stay = { entryMs: Date.parse(body.startedAt), exitMs: Date.parse(body.endedAt) };
  return feeView(feeOf(tariffOf(rateTable), calendar, stay));
}

async function termsOfPlace(db: Db, placeId: string): Promise<Terms> {
  const place = await findParkingPlace(db, placeId);
  if (place === undefined) throw notFound('place');
  const { rateTable, operatorId } = place;
  if (rateTable === undefined)
    throw new Problem('CONFLICT_STATE', 'The place has no rate table: its operator says the fees.');
  const { timeZone, holidays } = assertDefined(await findParkingOperator(db, operatorId));
  return { rateTable, timeZone, holidays };
}

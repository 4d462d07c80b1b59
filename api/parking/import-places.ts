import { findParkingPlace, putParkingPlace, type PutPlaceOutcome } from '../../db/parking.ts';
import type { Pool } from '../../db/pool.ts';
import { requestHash } from '../http/hash.ts';
import type { BadRow, PlaceFile, PlaceRow } from './place-file.ts';

export interface ImportReport {
  readonly stored: number;
  readonly bad: readonly BadRow[];
}

/** Stores the good rows of a file, one by one, so that the same file again changes nothing. `isDryRun` stores none. */
export async function importPlaces(
  pool: Pool,
  operatorId: string,
  { rows, bad }: PlaceFile,
  isDryRun: boolean,
): Promise<ImportReport> {
  const refused: BadRow[] = [];
  let stored = 0;
  for (const row of rows) {
    const fault = isDryRun ? undefined : await storeRow(pool, operatorId, row);
    if (fault === undefined) stored += 1;
    else refused.push({ at: row.at, faults: [fault] });
  }
  return { stored, bad: [...bad, ...refused].toSorted((a, b) => a.at - b.at) };
}

/** What a file leaves out, its spaces or rate table, a place that is stored keeps. */
async function storeRow(pool: Pool, operatorId: string, row: PlaceRow): Promise<string | undefined> {
  const { placeId, place } = row;
  const before = await findParkingPlace(pool, placeId);
  const rateTable = place.rateTable ?? before?.rateTable;
  const outcome = await putParkingPlace(pool, {
    ...place,
    placeId,
    operatorId,
    spaces: place.spaces ?? before?.spaces ?? [],
    rateTable,
    rateTableHash: requestHash(rateTable ?? null),
    at: new Date(),
  });
  return faultOf(outcome, row);
}

function faultOf(outcome: PutPlaceOutcome, { placeId, place }: PlaceRow): string | undefined {
  switch (outcome.kind) {
    case 'STORED':
      return undefined;
    case 'NOT_OURS':
      return `placeId: ${placeId} is another operator's`;
    case 'SITE_CODE_TAKEN':
      return `siteCode: ${place.siteCode} is that of another place`;
    case 'UNKNOWN_OPERATOR':
      return 'the operator is not stored';
  }
}

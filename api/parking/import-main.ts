import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { findParkingOperator } from '../../db/parking.ts';
import { Refusal, runWithDatabase } from '../command.ts';
import { importPlaces } from './import-places.ts';
import { PlaceFileError, readPlaceFile } from './place-file.ts';

const USAGE = `Usage: npm run parking:import -- --operator OPERATOR_ID --file PLACES.csv|PLACES.geojson [--dry-run]
Stores the places of a file; bad rows are told and block none. --dry-run stores nothing.`;

const { values } = parseArgs({
  options: {
    operator: { type: 'string' },
    file: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
  },
});

await runWithDatabase('kessai-parking-import', async (pool) => {
  const { operator, file, 'dry-run': isDryRun } = values;
  if (operator === undefined || file === undefined) throw new Refusal(USAGE);
  if ((await findParkingOperator(pool, operator)) === undefined)
    throw new Refusal(`There is no operator ${operator}: an admin stores it first.`);
  const places = await read(file, operator);
  const { stored, bad } = await importPlaces(pool, operator, places, isDryRun);
  for (const { at, faults } of bad) console.error(`${file}:${at}: ${faults.join('; ')}`);
  console.log(`${stored} places ${isDryRun ? 'would be stored' : 'stored'}, ${bad.length} bad rows.`);
  return bad.length === 0 ? 0 : 1;
});

async function read(file: string, operator: string) {
  try {
    return readPlaceFile(await readFile(file), operator);
  } catch (error) {
    if (error instanceof PlaceFileError) throw new Refusal(`${file}: ${error.message}`);
    throw error;
  }
}

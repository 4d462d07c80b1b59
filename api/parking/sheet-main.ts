import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { listPlacesOfOperator } from '../../db/parking.ts';
import { Refusal, runWithDatabase } from '../command.ts';
import { qrSheetPdf } from './sheet-pdf.ts';
import { qrSheets } from './sheet.ts';

const USAGE = `Usage: npm run parking:sheet -- --operator OPERATOR_ID --out FOLDER [--link https://pay.example/park/]
Writes pages of QR codes to print (A4; each page as SVG, all of them as one PDF), one code for each place. --link goes in front of each code.`;

const { values } = parseArgs({
  options: { operator: { type: 'string' }, out: { type: 'string' }, link: { type: 'string', default: '' } },
});

await runWithDatabase('kessai-parking-sheet', async (pool) => {
  const { operator, out, link } = values;
  if (operator === undefined || out === undefined) throw new Refusal(USAGE);
  const places = await listPlacesOfOperator(pool, operator);
  if (places.length === 0) throw new Refusal(`The operator ${operator} has no places.`);
  const pages = qrSheets(places, link);
  await mkdir(out, { recursive: true });
  for (const [i, page] of pages.entries()) {
    const number = String(i + 1).padStart(String(pages.length).length, '0');
    await writeFile(path.join(out, `site-codes-${number}.svg`), page);
  }
  await writeFile(path.join(out, 'site-codes.pdf'), qrSheetPdf(places, link));
  console.log(`${places.length} codes on ${pages.length} pages in ${out}.`);
  return 0;
});

import { relative } from 'node:path';
import { paths, root } from './folders.ts';

export interface Running {
  readonly baseUrl: string;
  readonly temporalAddress: string;
  readonly uiUrl: string | undefined;
  readonly embeddedPostgres: boolean;
  readonly workerMetricsPort: number;
  readonly issuerUrl: string;
  readonly parkingUrl: string;
}

const devFile = `./${relative(root, paths.dev)}`;

/** What runs where, and a first payment to try: paste-ready for any POSIX shell in the clone's folder. */
export function welcome(running: Running): string {
  const { baseUrl } = running;
  return `
Kessai runs.
  API              ${baseUrl}  (documentation: ${baseUrl}/docs)
  Temporal         ${running.temporalAddress}${running.uiUrl === undefined ? '' : `  (Web UI: ${running.uiUrl})`}
  Postgres         psql "$(node -p "require('${devFile}').databaseUrl")"${running.embeddedPostgres ? '  (embedded)' : ''}
  Worker           http://127.0.0.1:${running.workerMetricsPort}/metrics
  Issuer           ${running.issuerUrl}  (reference pay-later partner: docs/partner-issuer.md)
  Parking          ${running.parkingUrl}  (reference parking operator, its spaces as a picture: docs/partner-parking-operator.md)
  Logs             ${relative(root, paths.logs)}/
  Keys and ids     ${relative(root, paths.dev)}

A first payment (in another terminal, in this folder): alice shows a code, the till takes 500 yen.

  dev() { node -p "require('${devFile}').$1"; }
  CODE=$(curl -s ${baseUrl}/v1/codes -H 'content-type: application/json' \\
    -H "authorization: Bearer $(dev 'users[0].deviceToken')" -d '{}' | node -p "JSON.parse(require('fs').readFileSync(0)).code")
  curl -s ${baseUrl}/v1/payments -H 'content-type: application/json' -H "authorization: Bearer $(dev keys.merchant)" \\
    -d '{"merchantPaymentId":"first-'$(date +%s)'","code":"'$CODE'","amount":500,"currency":"JPY","storeId":"'$(dev storeId)'","terminalId":"'$(dev terminalId)'"}'

Ctrl-C stops everything; the data stays in ${relative(root, paths.state)}/ for the next start ("npm run dev:reset" deletes it).
`;
}

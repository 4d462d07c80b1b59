import { runPartner } from '../shared/program.ts';
import { createIssuerApp } from './app.ts';
import { migrate } from './migrate.ts';

/** `npm run partner:issuer`: reads ISSUER_DATABASE_URL, ISSUER_ADMIN_KEY, ISSUER_PORT, ISSUER_HOST, ISSUER_FAULTS. */
await runPartner({
  name: 'issuer',
  prefix: 'ISSUER',
  defaultPort: 3100,
  migrate,
  createApp: ({ log, ...it }) => ({
    app: createIssuerApp({
      ...it,
      onError: (error) => {
        log.error({ err: error }, 'request failed');
      },
    }),
  }),
});

import { runPartner } from '../shared/program.ts';
import { createParkingOperatorApp } from './app.ts';
import { startDeliverer } from './deliver.ts';
import { migrate } from './migrate.ts';

/** `npm run partner:parking`: reads PARKING_DATABASE_URL, PARKING_ADMIN_KEY, PARKING_PORT, PARKING_HOST, PARKING_FAULTS. */
await runPartner({
  name: 'parking operator',
  prefix: 'PARKING',
  defaultPort: 3200,
  migrate,
  createApp: ({ log, ...it }) => {
    const onError = (error: unknown): void => {
      log.error({ err: error }, 'failed');
    };
    const deliverer = startDeliverer({ pool: it.pool, onError });
    return { app: createParkingOperatorApp({ ...it, onError }), close: () => deliverer.stop() };
  },
});

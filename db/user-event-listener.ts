import pg from 'pg';
import { USER_EVENT_CHANNEL } from './user-event.ts';

/** Hears whose events are new. `undefined` says: perhaps anybody's, the connection was away. */
export interface UserEventListener {
  onWake(listener: (userId: string | undefined) => void): void;
  close(): Promise<void>;
}

const RECONNECT_MS = 1_000;

/** Listens on one connection of its own and comes back when Postgres does. */
export function createUserEventListener(
  databaseUrl: string,
  onError: (error: unknown) => void,
): UserEventListener {
  let wake: (userId: string | undefined) => void = () => undefined;
  let client: pg.Client | undefined;
  let isClosed = false;
  let reconnect: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const fresh = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'kessai-events',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    fresh.on('notification', (message) => {
      wake(message.payload);
    });
    fresh.on('error', onError);
    fresh.once('end', again);
    client = fresh;
    try {
      await fresh.connect();
      await fresh.query(`listen ${USER_EVENT_CHANNEL}`);
      wake(undefined);
    } catch (error) {
      onError(error);
      await fresh.end().catch(() => undefined);
      again();
    }
  }

  function again(): void {
    if (isClosed || reconnect !== undefined) return;
    reconnect = setTimeout(() => {
      reconnect = undefined;
      void connect();
    }, RECONNECT_MS);
  }

  void connect();
  return {
    onWake(listener) {
      wake = listener;
    },
    async close() {
      isClosed = true;
      clearTimeout(reconnect);
      await client?.end().catch(() => undefined);
    },
  };
}

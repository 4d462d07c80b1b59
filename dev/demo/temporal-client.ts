import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ownTemporalAddress } from '../stack/servers.ts';
import type { Stack } from './stack.ts';

export interface Desk {
  readonly client: Client;
  readonly close: () => Promise<void>;
}

/** Where operators sit. Undefined where `dev.json` names no Temporal. With TEMPORAL_ADDRESS set, its settings are used, as `npm start` does. */
export async function openDesk(temporal: Stack['temporal']): Promise<Desk | undefined> {
  const own = ownTemporalAddress() === undefined ? undefined : loadClientConnectConfig();
  if (own === undefined && temporal === undefined) return undefined;
  const connection = await Connection.connect(own?.connectionOptions ?? { address: temporal?.address ?? '' });
  const namespace = own?.namespace ?? temporal?.namespace ?? 'default';
  return { client: new Client({ connection, namespace }), close: () => connection.close() };
}

import { caller } from './caller.ts';

const SPACES = Array.from({ length: 12 }, (_, i) => String(i + 1));

/** A place at the reference parking operator, and where that finds Kessai: its address follows the port of this start. */
export async function seedParking(
  operator: { readonly baseUrl: string; readonly adminKey: string },
  kessai: { readonly baseUrl: string; readonly key: string },
): Promise<void> {
  const staff = caller(operator.baseUrl, operator.adminKey);
  await staff('PUT', '/v1/places/central-1', {
    name: 'Central Parking 1',
    spaces: SPACES,
    tariff: { unitMinutes: 30, unitAmount: 300, dayMaximum: 2_000 },
    acceptsOtherFees: true,
  });
  await staff('PUT', '/v1/kessai', kessai);
}

import type { HolidayCalendar } from '../dunning/policy.ts';
import type { RateTable } from './rate-table.ts';

export const PLACE_KINDS = ['PARKING', 'LOCKER', 'BICYCLE', 'ROOM'] as const;
export type PlaceKind = (typeof PLACE_KINDS)[number];

export const FEE_SOURCES = ['OPERATOR', 'KESSAI'] as const;
export const RELEASES = ['SERVER', 'OPERATOR_CONFIRM'] as const;

/** Another company whose places users pay for through us. */
export interface ParkingOperator {
  readonly operatorId: string;
  readonly name: string;
  readonly timeZone: string;
  /** Whose public holidays its rate tables mean; undefined: those of the time zone's country. */
  readonly holidays?: HolidayCalendar | undefined;
  /** Who says what a stay costs: its server, or our rate table. */
  readonly feeSource: (typeof FEE_SOURCES)[number];
  /** Whether our rate table may stand in while its server gives no fee. */
  readonly fallbackToRateTable: boolean;
  /** Who lets the driver go: its server, or a person who is asked. */
  readonly release: (typeof RELEASES)[number];
  readonly baseUrl?: string | undefined;
  readonly invoiceNumber?: string | undefined;
  /** For a driver before a gate that stays shut. */
  readonly phone?: string | undefined;
}

/** WGS 84 degrees. */
export interface Position {
  readonly lat: number;
  readonly lon: number;
}

/** Where one parks, stows or stays (APDS: Place). */
export interface ParkingPlace {
  readonly placeId: string;
  readonly operatorId: string;
  readonly kind: PlaceKind;
  readonly name: string;
  readonly position: Position;
  readonly spaces: readonly string[];
  /** Shown at the place, one of a kind among all operators. */
  readonly siteCode: string;
  readonly rateTable?: RateTable | undefined;
  readonly rateTableVersion?: number | undefined;
}

/** A stay (APDS: Session). Times are RFC 3339 in UTC. */
export interface ParkingSession {
  readonly sessionId: string;
  readonly operatorId: string;
  readonly placeId: string;
  readonly space?: string | undefined;
  readonly credential?: string | undefined;
  readonly startedAt: string;
  readonly endedAt?: string | undefined;
  /** The rate table in force at entry, if the place had one. */
  readonly rateTableVersion?: number | undefined;
}

/** A place that was looked for. */
export interface FoundPlace extends Omit<ParkingPlace, 'rateTable' | 'rateTableVersion'> {
  readonly operatorName: string;
  /** From the position that was asked with, in metres. */
  readonly distanceM?: number | undefined;
}

import type { StoredSettlement } from '../../activities/parking-settlement.ts';
import { describeMoney } from '../../domain/money.ts';
import type { SettlementView } from '../../domain/parking/settlement.ts';

/** What Temporal Web UI shows of a settlement, as markdown: no driver. */
export function settlementDetails(
  view: SettlementView,
  { release, operatorPhone }: Pick<StoredSettlement, 'release' | 'operatorPhone'>,
  notes: readonly string[],
  issuer: string,
): string {
  const rows: (readonly [string, string | undefined])[] = [
    ['declined because', view.declineCode],
    ['operator', `${view.operatorName} (${view.operatorId})`],
    ["operator's phone", operatorPhone ?? undefined],
    ['place', `${view.placeName} (${view.placeId})`],
    ['space', view.space],
    ['driver’s code', view.releaseCode],
    ['reference', view.reference],
    ['stay', view.sessionId],
    [view.saidByDriver === true ? 'entry, **as the driver says**' : 'entry', view.startedAt],
    ['released by', release === 'SERVER' ? "the operator's server" : 'a person'],
    ['paid', view.paidAt],
    ['out by', view.exitBy],
    ['the operator’s server said', view.acknowledgements.operator?.outcome],
    [
      'released',
      view.releasedAt === undefined ? undefined : `${view.releasedAt} by ${view.releasedBy ?? ''}`,
    ],
    ['cancel asked for by the driver', view.cancelRequestedAt],
    ['left', view.exitedAt],
    ['refund', view.refund === undefined ? undefined : `${view.refund.status}: ${view.refund.reason}`],
  ];
  const table = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `| ${name} | ${cell(value ?? '')} |`)
    .join('\n');
  const said = notes.map((it) => `\n- ${it}`).join('');
  return `### Parking, ${describeMoney(view)}: **${view.state}**\n\n| | |\n|---|---|\n${table}\n${said}${issuer === '' ? '' : `\n\n${issuer}`}`;
}

/** Names come from operators: they must not end a cell or begin a link. */
function cell(text: string): string {
  return text.replace(/[|[\]<>`*\\]/g, ' ');
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { interpolate, root, SAMPLE_ENV, type Compose, type Service } from './compose-file.ts';

const SECRET_NAME = /PASSWORD|PWD|PASS$|KEY|PEPPER|SECRET|TOKEN/;
/** A service that stays up has one of these; what runs once and ends has `on-failure`. */
const STAYS_UP = new Set(['unless-stopped', 'always']);

type Check = (name: string, service: Service, compose: Compose) => string[];

const isPinned: Check = (name, { image }) =>
  image !== undefined && /^[a-z0-9./-]+:\d+\.\d+\.\d+$|^[a-z0-9./-]+:\d+\.\d+-[a-z0-9.-]+$/.test(image)
    ? []
    : [`${name}: image ${image ?? 'none'} is not pinned`];

const isWatched: Check = (name, { restart, healthcheck }) => {
  if (!STAYS_UP.has(restart ?? '')) return [];
  const hasTest = (healthcheck?.test?.length ?? 0) > 1 && healthcheck?.disable !== true;
  return hasTest ? [] : [`${name}: stays up without a health check`];
};

/** A one-shot that nobody waits for is a failure nobody sees; `up --wait` takes its end for one, too. */
const isAwaited: Check = (name, { restart }, compose) => {
  if (STAYS_UP.has(restart ?? '')) return [];
  const waits = Object.values(compose.services).some(
    (other) => other.depends_on?.[name]?.condition === 'service_completed_successfully',
  );
  return waits ? [] : [`${name}: ends, and no service waits for its success`];
};

const dependsOnWhatIsThere: Check = (name, service, compose) =>
  Object.entries(service.depends_on ?? {}).flatMap(([target, { condition }]) => {
    const found = compose.services[target];
    if (found === undefined) return [`${name}: depends on ${target}, which does not exist`];
    const expected = STAYS_UP.has(found.restart ?? '') ? 'service_healthy' : 'service_completed_successfully';
    return condition === expected ? [] : [`${name}: waits for ${target} with ${condition}, not ${expected}`];
  });

const mountsWhatIsThere: Check = (name, service, compose) =>
  (service.volumes ?? []).flatMap((mount) => {
    const [source = '', , mode] = mount.split(':');
    if (!source.startsWith('.'))
      return Object.hasOwn(compose.volumes ?? {}, source)
        ? []
        : [`${name}: volume ${source} is not declared`];
    if (!existsSync(join(root, source))) return [`${name}: mounts ${source}, which does not exist`];
    return mode === 'ro' ? [] : [`${name}: may write to ${source}`];
  });

const keepsSecretsOut: Check = (name, service) =>
  Object.entries(service.environment ?? {}).flatMap(([variable, value]) => {
    const inUrl = /:\/\/[^:@/]*:([^@]*)@/.exec(value)?.[1];
    const secret = SECRET_NAME.test(variable) ? value : inUrl;
    // Nothing at all is a good default for the keys of before.
    return secret === undefined || /^\$\{(\w+:\?[^}]+|\w+_OLD:-)\}$/.test(secret)
      ? []
      : [`${name}: ${variable} is not a required variable of the environment`];
  });

const listensOnLoopback: Check = (name, service) =>
  (service.ports ?? [])
    .filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(interpolate(port, SAMPLE_ENV)))
    .map((port) => `${name}: port ${port} is open beyond this machine`);

const hasNoPrivileges: Check = (name, service) =>
  service.cap_drop?.includes('ALL') === true && service.user !== 'root' && service.user !== '0'
    ? []
    : [`${name}: keeps capabilities or runs as root`];

/** The schema takes any text for a duration; Compose does not. */
const tellsTimeWithUnits: Check = (name, { healthcheck, stop_grace_period: grace }) =>
  [healthcheck?.interval, healthcheck?.timeout, grace]
    .filter((time) => time !== undefined && !/^(\d+(ms|s|m|h))+$/.test(time))
    .map((time) => `${name}: "${time ?? ''}" is not a duration`);

const CHECKS: readonly Check[] = [
  isPinned,
  isWatched,
  isAwaited,
  dependsOnWhatIsThere,
  mountsWhatIsThere,
  keepsSecretsOut,
  listensOnLoopback,
  hasNoPrivileges,
  tellsTimeWithUnits,
];

/** What is wrong with a deployment although its file has the right shape. */
export function composeFaults(compose: Compose): string[] {
  const used = new Set(
    Object.values(compose.services).flatMap((it) => (it.volumes ?? []).map((mount) => mount.split(':')[0])),
  );
  const unused = Object.keys(compose.volumes ?? {}).filter((name) => !used.has(name));
  return [
    ...Object.entries(compose.services).flatMap(([name, service]) =>
      CHECKS.flatMap((check) => check(name, service, compose)),
    ),
    ...unused.map((name) => `volume ${name} is used by nobody`),
  ];
}

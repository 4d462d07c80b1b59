/** Hosts of the push services of today's browsers; `*.` stands for any names before. */
export const PUSH_HOSTS: readonly string[] = [
  'fcm.googleapis.com',
  '*.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
];

/** A host, with any port but https' own, as the allow-list has it. */
const HOST = /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/;

const LOOPBACK = /^(localhost|127\.0\.0\.1)$/;

/** The hosts that a setting names, with commas between; undefined if one is none. */
export function parsePushHosts(text: string): readonly string[] | undefined {
  const hosts = text
    .split(',')
    .map((it) => it.trim().toLowerCase())
    .filter((it) => it !== '');
  return hosts.every((it) => HOST.test(it)) ? hosts : undefined;
}

/**
 * What is wrong with a subscription's endpoint, in words. It comes from a browser and we call it: so https, on its own port, at a host
 * of the list and nowhere else. A loopback host that the list names with its port may be http: a push service on this machine.
 */
export function pushEndpointFault(endpoint: string, hosts: readonly string[]): string | undefined {
  if (!URL.canParse(endpoint)) return 'Not a URL';
  const url = new URL(endpoint);
  if (url.username !== '' || url.password !== '') return 'No user or password in it';
  if (url.hash !== '') return 'No fragment in it';
  if (!hosts.some((it) => matches(it, url)))
    return 'Its host is none of the push services that are allowed here';
  const isOnThisMachine = LOOPBACK.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isOnThisMachine)
    ? undefined
    : 'https only';
}

function matches(allowed: string, { hostname, port }: URL): boolean {
  const [host = '', allowedPort = ''] = allowed.split(':');
  if (port !== allowedPort) return false;
  // A name of one label more or several, never an address: those have no names before them.
  return host.startsWith('*.')
    ? hostname.endsWith(host.slice(1)) && hostname.length >= host.length
    : hostname === host;
}

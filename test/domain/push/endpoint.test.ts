import { describe, expect, it } from 'vitest';
import { parsePushHosts, PUSH_HOSTS, pushEndpointFault } from '../../../domain/push/endpoint.ts';

describe('an endpoint of a push subscription', () => {
  it.each([
    'https://fcm.googleapis.com/fcm/send/abc:def',
    'https://updates.push.services.mozilla.com/wpush/v2/gAAA',
    'https://web.push.apple.com/QABC',
    'https://wns2-db5p.notify.windows.com/w/?token=x',
    'https://FCM.googleapis.com./fcm/send/x'.replace('./', '/'),
  ])('%s is allowed', (endpoint) => {
    expect(pushEndpointFault(endpoint, PUSH_HOSTS)).toBeUndefined();
  });

  it.each([
    ['http, where it is not our own machine', 'http://fcm.googleapis.com/x'],
    ['our own machine', 'https://localhost/x'],
    ['an address of our network', 'https://10.0.0.1/x'],
    ['an address of the cloud', 'http://169.254.169.254/latest/meta-data'],
    ['an address in another spelling', 'https://2130706433/x'],
    ['IPv6', 'https://[::1]/x'],
    ['a host that only ends like one', 'https://evilfcm.googleapis.com/x'],
    ['a host that only begins like one', 'https://fcm.googleapis.com.evil.example/x'],
    ['the name before the names', 'https://push.apple.com/x'],
    ['a name that only looks like one', 'https://xpush.apple.com/x'],
    ['another port', 'https://fcm.googleapis.com:8443/x'],
    ['a user', 'https://fcm.googleapis.com@evil.example/x'],
    ['a user at the right host', 'https://me:pw@fcm.googleapis.com/x'],
    ['a backslash', 'https://evil.example\\@fcm.googleapis.com/x'],
    ['a host with a dot at its end', 'https://fcm.googleapis.com./x'],
    ['a fragment', 'https://fcm.googleapis.com/x#y'],
    ['a file', 'file:///etc/passwd'],
    ['another scheme at the right host', 'ftp://fcm.googleapis.com/x'],
    ['nothing', ''],
  ])('%s is refused', (_, endpoint) => {
    expect(pushEndpointFault(endpoint, PUSH_HOSTS)).toBeDefined();
  });

  it('on this machine is allowed where the list names its port, also without TLS', () => {
    const hosts = ['127.0.0.1:4000', 'push.example:8443'];
    expect(pushEndpointFault('http://127.0.0.1:4000/x', hosts)).toBeUndefined();
    expect(pushEndpointFault('http://127.0.0.1:4001/x', hosts)).toBeDefined();
    expect(pushEndpointFault('https://push.example:8443/x', hosts)).toBeUndefined();
    expect(pushEndpointFault('http://push.example:8443/x', hosts)).toBeDefined();
  });
});

describe('KESSAI_PUSH_HOSTS', () => {
  it('is hosts with commas between', () => {
    expect(parsePushHosts(' a.example, *.B.example:8443 ,')).toEqual(['a.example', '*.b.example:8443']);
    expect(parsePushHosts('')).toEqual([]);
    for (const wrong of ['*', 'https://a.example', 'a.*.example', 'a.example/x', 'a b'])
      expect(parsePushHosts(wrong)).toBeUndefined();
  });
});

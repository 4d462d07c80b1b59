import { z } from 'zod';

/** Where we call a partner: https, or http on this machine; no user or password in it. */
export const endpointUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .refine(isSafeEndpoint, 'https only, except for localhost, and no user or password in it');

function isSafeEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return (url.protocol === 'https:' || isLoopback) && url.username === '' && url.password === '';
}

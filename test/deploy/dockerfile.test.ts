import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './compose-file.ts';
import { dockerfileFaults, dockerignoreFaults } from './dockerfile-faults.ts';

const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
const dockerignore = await readFile(join(root, '.dockerignore'), 'utf8');

/** The text with one thing changed, which must be there. */
function changed(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}

describe('the image', () => {
  test('is Node on Debian slim with production dependencies, run by a user without rights', () => {
    expect(dockerfileFaults(dockerfile)).toEqual([]);
  });

  test.each([
    ['no user', 'USER node', '', 'runs as root'],
    ['root by number', 'USER node', 'USER 0:0', 'runs as root'],
    ['Alpine', '-bookworm-slim', '-alpine', 'not a pinned Node 20 on Debian slim'],
    ['latest', 'node:20.20.2-bookworm-slim', 'node:latest', 'not a pinned Node 20 on Debian slim'],
    ['development dependencies', '--omit=dev ', '', 'not those for production alone'],
    ['modules of the build stage', '--from=dependencies', '--from=build', 'not those for production alone'],
    ['no NODE_ENV', 'ENV NODE_ENV=production', '', 'NODE_ENV is not production'],
    ['another stop signal', 'STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGKILL', 'not stopped with SIGTERM'],
    ['a command that is gone', 'dist/workers/api-main.js', 'dist/api/server.js', 'none of our programs'],
    ['a secret', 'ENV NODE_ENV=production', 'ENV NODE_ENV=production KESSAI_DATA_KEY=x', 'bakes a secret in'],
  ])('the check sees %s', (_title, from, to, fault) => {
    expect(dockerfileFaults(changed(dockerfile, from, to)).join('\n')).toContain(fault);
  });
});

describe('what the build is given', () => {
  test('is what it needs by name and nothing else', () => {
    expect(dockerignoreFaults(dockerignore)).toEqual([]);
  });

  test.each([
    ['everything', '*\n', '', 'what is not named gets in'],
    ['secrets', '!package.json', '!.env', '.env gets in'],
    ['a room that is gone', '!domain', '!rules', 'rules does not exist'],
  ])('the check sees %s', (_title, from, to, fault) => {
    expect(dockerignoreFaults(changed(dockerignore, from, to)).join('\n')).toContain(fault);
  });
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './compose-file.ts';

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

function instructions(text: string): Instruction[] {
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...rest] = line.split(/\s+/);
      return { name: name.toUpperCase(), rest: rest.join(' ') };
    });
}

function baseFaults(all: readonly Instruction[]): string[] {
  const defaults = new Map(
    all.filter((it) => it.name === 'ARG').map((it) => it.rest.split('=', 2) as [string, string]),
  );
  const stages = new Set<string>();
  const faults: string[] = [];
  for (const { rest } of all.filter((it) => it.name === 'FROM')) {
    const [named = '', , stage] = rest.split(' ');
    const image = named.replace(/\$\{?(\w+)\}?/g, (_whole, arg: string) => defaults.get(arg) ?? '');
    if (!stages.has(image) && !/^node:20\.\d+\.\d+-(bookworm|trixie)-slim$/.test(image))
      faults.push(`base image ${image} is not a pinned Node 20 on Debian slim`);
    if (stage !== undefined) stages.add(stage);
  }
  return faults;
}

/** What is wrong with the image although the file would build. */
export function dockerfileFaults(text: string): string[] {
  const all = instructions(text);
  const faults = baseFaults(all);
  const last = all.slice(all.findLastIndex((it) => it.name === 'FROM'));
  const lastOf = (name: string): string | undefined => last.findLast((it) => it.name === name)?.rest;

  const user = lastOf('USER');
  if (user === undefined || /^(root|0)(:|$)/.test(user)) faults.push('it runs as root');
  if (!last.some((it) => it.name === 'ENV' && /\bNODE_ENV=production\b/.test(it.rest)))
    faults.push('NODE_ENV is not production');
  if (lastOf('STOPSIGNAL') !== 'SIGTERM') faults.push('it is not stopped with SIGTERM');
  const program = /"dist\/([^"]+)\.js"/.exec(lastOf('CMD') ?? '')?.[1];
  if (program === undefined || !existsSync(join(root, `${program}.ts`)))
    faults.push('its command is none of our programs');
  const modules = last.find((it) => it.name === 'COPY' && it.rest.includes('node_modules'));
  const installed = modules === undefined ? undefined : /--from=(\S+)/.exec(modules.rest)?.[1];
  if (installed === undefined || !installsForProduction(all, installed))
    faults.push('its dependencies are not those for production alone');
  for (const { name, rest } of all) {
    if ((name === 'ENV' || name === 'ARG') && /PASSWORD|_KEY|PEPPER|SECRET|TOKEN|DATABASE_URL/.test(rest))
      faults.push(`${name} ${rest} bakes a secret in`);
  }
  return faults;
}

function installsForProduction(all: readonly Instruction[], stage: string): boolean {
  const start = all.findIndex((it) => it.name === 'FROM' && it.rest.endsWith(` AS ${stage}`));
  if (start < 0) return false;
  const end = all.findIndex((it, index) => index > start && it.name === 'FROM');
  const runs = all.slice(start, end < 0 ? undefined : end).filter((it) => it.name === 'RUN');
  return runs.some((it) => /npm ci\b.*--omit=dev/.test(it.rest));
}

/** Everything stays out but what is named, and nothing named is a place of secrets or data. */
export function dockerignoreFaults(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const faults = lines[0] === '*' ? [] : ['what is not named gets in'];
  for (const line of lines.slice(1)) {
    if (!line.startsWith('!')) continue;
    const path = line.slice(1);
    if (/^\.(env|git|kessai)|^node_modules|^dist/.test(path)) faults.push(`${path} gets in`);
    else if (!existsSync(join(root, path))) faults.push(`${path} does not exist`);
  }
  return faults;
}

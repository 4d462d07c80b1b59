/**
 * Runs before `npm start` and `npm test`: checks Node's version and installs dependencies when they are not those of
 * package-lock.json. Plain JavaScript in old syntax without dependencies, as it must run where nothing is installed
 * yet and say its sentence on a Node that is too old.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];
const HEARTBEAT_MS = 10000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockFile = join(root, 'package-lock.json');
const modules = join(root, 'node_modules');
const markFile = join(modules, '.kessai-lock');

function fail(sentence) {
  console.error('\n' + sentence);
  process.exit(1);
}

function checkNode() {
  // A test asks what another version would hear.
  const version = process.env.KESSAI_TEST_NODE_VERSION || process.versions.node;
  const parts = version.split('.').map(Number);
  const old = parts[0] < OLDEST_NODE[0] || (parts[0] === OLDEST_NODE[0] && parts[1] < OLDEST_NODE[1]);
  if (old) {
    fail(
      'Kessai needs Node ' +
        OLDEST_NODE.join('.') +
        ' or newer and this is ' +
        version +
        ': install a newer one (with nvm: "nvm install") and try again.',
    );
  }
}

/** What node_modules was made for: this lock file on this system. */
function fingerprint(lockText) {
  return createHash('sha256').update(lockText).digest('hex') + ' ' + process.platform + '-' + process.arch;
}

/** Whether npm itself has put exactly the lock file's packages there, as a hand-made `npm install` does. */
function isInstalled(lockText) {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  try {
    const wanted = JSON.parse(lockText).packages;
    const present = JSON.parse(readFileSync(hidden, 'utf8')).packages;
    const same = (path) => present[path] !== undefined && present[path].version === wanted[path].version;
    return (
      Object.keys(wanted).every((path) => {
        // Packages for other systems are not installed.
        return path === '' || same(path) || (wanted[path].optional === true && present[path] === undefined);
      }) && Object.keys(present).every((path) => wanted[path] !== undefined && existsSync(join(root, path)))
    );
  } catch {
    return false;
  }
}

/** Runs npm of the very version that runs us, so that one machine does not use two. */
function npmCommand() {
  const path = process.env.npm_execpath;
  if (path && basename(path) === 'npm-cli.js') return [process.execPath, [path]];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
}

function install() {
  // No install script is needed, so none runs: npm 10 and 11 then do the same. Development tools are always needed.
  const flags = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--engine-strict=false',
  ];
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0) + ' s';
  const [command, first] = npmCommand();
  return new Promise((resolve) => {
    const child = spawn(command, first.concat(flags), {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: command.endsWith('.cmd'),
    });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const beat = setInterval(() => console.log('  ...   npm ci (' + seconds() + ')'), HEARTBEAT_MS);
    const finish = (code, message) => {
      clearInterval(beat);
      resolve({ code, output: output + message, took: seconds() });
    };
    child.on('error', (error) => finish(1, error.message));
    child.on('close', (code) => finish(code === null ? 1 : code, ''));
  });
}

checkNode();
if (!existsSync(lockFile))
  fail('package-lock.json is missing: restore it with "git checkout package-lock.json".');
const lockText = readFileSync(lockFile, 'utf8');
const wanted = fingerprint(lockText);
const made = existsSync(markFile) ? readFileSync(markFile, 'utf8') : '';
if (made !== wanted) {
  if (!isInstalled(lockText)) {
    console.log(
      'Installing dependencies with npm ci: ' +
        (existsSync(modules) ? 'the lock file has changed.' : 'first time here.'),
    );
    const { code, output, took } = await install();
    if (code !== 0) {
      // The cause comes first; npm's help on how to use it, last.
      const lines = output.split('\n').filter((line) => /\berror\b.*\S{3}/.test(line) || !/^npm/.test(line));
      console.error(lines.slice(0, 12).join('\n'));
      fail(
        'npm could not install the dependencies (its words are above): check the network or the registry settings and try again.',
      );
    }
    console.log('  ok    npm ci (' + took + ')');
  }
  writeFileSync(markFile, wanted);
}

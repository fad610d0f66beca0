import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './process.js';

/** A Postfix on loopback, with a queue of its own, that hands all mail on to another server there. */
export interface Postfix {
  /** For SMTP_URL. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const PROGRAM = '/usr/sbin/postfix';
const run = promisify(execFile);

/** Can one be started (Debian: postfix; by root only)? In CI that it cannot is a mistake, and throws. */
export function hasPostfix(): boolean {
  const isHere = existsSync(PROGRAM) && process.getuid?.() === 0;
  if (!isHere && process.env['CI']) throw new Error('no Postfix, or not root: CI needs it');
  if (!isHere) console.warn('      Postfix is not installed, or we are not root: no mail goes through it');
  return isHere;
}

/** Can it log in where it relays to (Debian: libsasl2-modules)? In CI that it cannot is a mistake, and throws. */
export async function hasSasl(): Promise<boolean> {
  const { stdout } = await run('sh', ['-c', 'ls -d /usr/lib/*/sasl2']).catch(() => ({ stdout: '' }));
  const modules = await Promise.all(
    stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map(async (folder) => readdir(folder)),
  );
  const isHere = modules.flat().some((name) => name.startsWith('libplain.so'));
  if (!isHere && process.env['CI']) throw new Error('no libsasl2-modules: CI needs it');
  if (!isHere) console.warn('      libsasl2-modules is not installed: Postfix cannot log in');
  return isHere;
}

/** Starts one that relays to `nextHop`, a port on this machine; where there is a login, it logs in there. */
export async function startPostfix(nextHop: number, login?: { user: string; pass: string }): Promise<Postfix> {
  const folder = await mkdtemp(join(tmpdir(), 'zgoda-postfix-'));
  // Its own user works in it.
  await chmod(folder, 0o755);
  const [config, queue, data] = ['config', 'queue', 'data'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const place of [config, queue, data]) await mkdir(place);
  const port = await freePort();
  const main = mainConfig({ queue, data, nextHop, log: join(folder, 'log') });
  await writeFile(join(config, 'main.cf'), main + (login ? saslConfig(join(config, 'logins')) : ''));
  if (login) await writeFile(join(config, 'logins'), `[127.0.0.1]:${nextHop} ${login.user}:${login.pass}\n`);
  await writeFile(join(config, 'master.cf'), masterConfig(port));
  await copyFile('/etc/postfix/dynamicmaps.cf', join(config, 'dynamicmaps.cf'));
  const postfix = async (command: string) => run(PROGRAM, ['-c', config, command]);
  await run('chown', ['postfix', data]);
  await postfix('start');
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    stop: async () => {
      await postfix('stop');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function mainConfig({
  queue,
  data,
  nextHop,
  log,
}: {
  queue: string;
  data: string;
  nextHop: number;
  log: string;
}): string {
  return `
compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
maillog_file = ${log}
maillog_file_prefixes = ${tmpdir()}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:${nextHop}
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_dns_support_level = disabled
smtputf8_enable = no
alias_maps =
`;
}

function saslConfig(logins: string): string {
  return `smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:${logins}
smtp_sasl_security_options = noanonymous
`;
}

function masterConfig(port: number): string {
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  return `${services.join('\n')}\n`;
}

import { expect } from 'chai';
import type { Command } from 'commander';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEMO } from '../server/tour/demo.js';
import { TEST_DATABASE_URL } from './support/database.js';
import { addMany } from './support/people.js';
import { CLI, makeHome, run, type Ended, type Home } from './support/process.js';
import { startSink, type Sink } from './support/sink.js';

describe('the command line', function () {
  this.timeout(120_000);
  let program: Command;
  let commands: Command[];

  before(async () => {
    ({ program } = await import('../server/cli/program.js'));
    commands = withAllBelow(program);
  });

  describe('when it is asked for help', () => {
    it('names every argument, option and command at each level, on standard output, and exits 0', async () => {
      expect(commands.map(nameOf)).to.include.members(['zgoda', 'zgoda user add', 'zgoda campaign send']);
      await inTurns(commands, async (command) => {
        const told = await zgoda([...nameOf(command).split(' ').slice(1), '--help']);

        expect([told.code, told.err], nameOf(command)).to.deep.equal([0, '']);
        expect(told.out).to.contain(`Usage: ${nameOf(command)}`);
        expect(told.out, 'what it does').to.contain(command.description().split(' ').slice(0, 3).join(' '));
        for (const { name } of command.registeredArguments.map((one) => ({ name: one.name() })))
          expect(told.out, nameOf(command)).to.contain(`<${name}>`);
        for (const { long } of command.options) expect(told.out, nameOf(command)).to.contain(long);
        for (const below of command.commands) expect(told.out).to.match(new RegExp(`^  ${below.name()}\\b`, 'm'));
      });
    });

    it('tells its version', async () => {
      const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

      expect(await zgoda(['--version'])).to.deep.equal({ code: 0, out: `${version}\n`, err: '' });
    });
  });

  describe('when it is used wrongly', () => {
    it('says in one line on standard error what is wrong and where help is, and exits 64', async () => {
      const mistakes: readonly (readonly [line: string, says: string, help: string])[] = [
        ['', 'needs one of: serve', 'zgoda'],
        ['nope', "unknown command 'nope'", 'zgoda'],
        ['migrat', 'Did you mean migrate?', 'zgoda'],
        ['help nope', 'needs one of: serve', 'zgoda'],
        ['--nope', "unknown option '--nope'", 'zgoda'],
        ['migrate --nope', "unknown option '--nope'", 'zgoda migrate'],
        ['migrate now', 'too many arguments', 'zgoda migrate'],
        ['serve now', 'too many arguments', 'zgoda serve'],
        ['setup', "missing required argument 'file'", 'zgoda setup'],
        ['setup a b', 'too many arguments', 'zgoda setup'],
        ['user', 'needs one of: add', 'zgoda user'],
        ['user remove', "unknown command 'remove'", 'zgoda user'],
        ['user add', "'--email <address>' not specified", 'zgoda user add'],
        ['user add --email', 'argument missing', 'zgoda user add'],
        ['user add --email a@b.example --role king', 'owner, marketer, viewer', 'zgoda user add'],
        ['keys', 'needs one of: create, rotate', 'zgoda keys'],
        ['ledger', 'needs one of: fsck', 'zgoda ledger'],
        ['ledger fsck --nope', "unknown option '--nope'", 'zgoda ledger fsck'],
        ['campaign send', "'--list <slug>' not specified", 'zgoda campaign send'],
        ['campaign send --list news', "missing required argument 'file'", 'zgoda campaign send'],
        ['campaign send a.html b.html --list news', 'too many arguments', 'zgoda campaign send'],
        ['verify', "missing required argument 'receipt'", 'zgoda verify'],
        ['verify a --vkey', 'argument missing', 'zgoda verify'],
      ];
      await inTurns(mistakes, async ([line, says, help]) => {
        const told = await zgoda(line.split(' ').filter((word) => word !== ''));

        expect([told.code, told.out], line).to.deep.equal([64, '']);
        expect(told.err, line).to.match(/^zgoda[^\n]+\n$/);
        expect(told.err, line).to.contain(says).and.to.contain(`"${help} --help"`);
      });
    });
  });

  describe('on an installation', () => {
    let home: Home;
    let sink: Sink;

    before(async () => {
      sink = await startSink();
      home = await makeHome({ SMTP_URL: sink.url });
      await home.start().then(async (service) => service.stop());
      await home.look(async (ctx) => addMany(ctx, 4));
      await write('june.html', '<html><head><title>June</title></head><body><p>Hello</p></body></html>');
      await write('untitled.html', '<p>Hello</p>');
      await write('cut-off.json', '{"organisation":');
      await write('empty.json', '{}');
      await write('demo.json', JSON.stringify(DEMO));
      const lines = structuredClone(DEMO);
      lines.organisation.name = 'Shop\r\nBcc: eve@example.org';
      await write('lines.json', JSON.stringify(lines));
      const slogan = structuredClone(DEMO);
      slogan.organisation.legalName = 'Best deals Ltd';
      await write('slogan.json', JSON.stringify(slogan));
    });
    after(async () => {
      await home.drop();
      await sink.stop();
    });

    const at = (name: string): string => join(home.dataDir, name);
    const write = async (name: string, text: string): Promise<void> => writeFile(at(name), text);

    for (const isRunning of [true, false]) {
      it(`prints one JSON value and nothing else, while the service ${isRunning ? 'runs' : 'does not run'}`, async () => {
        const service = isRunning ? await home.start() : null;

        const checked = jsonOf(await home.zgoda(['doctor', '--json']), 1);
        const walked = jsonOf(await home.zgoda(['ledger', 'fsck', '--json']));
        const made = jsonOf(await home.zgoda(['setup', at('demo.json')]));
        const queued = jsonOf(await home.zgoda(['campaign', 'send', at('june.html'), '--list', 'news', '--json']));
        const migrated = await home.zgoda(['migrate']);
        await service?.stop();

        expect(checked).to.include({ healthy: false });
        expect(walked).to.deep.include({ faults: [] });
        expect(made).to.deep.equal({
          organisation: 'demo',
          lists: ['news', 'readings'],
          forms: ['demo'],
          newTexts: 0,
        });
        expect(queued['queued']).to.equal(4);
        expect(migrated).to.deep.equal({ code: 0, out: 'The database is up to date.\n', err: '' });
      });
    }

    // On PostgreSQL a service sends; on the embedded database the command does it itself when there is none.
    for (const isRunning of TEST_DATABASE_URL ? [true] : [true, false]) {
      it(`ends --wait with counts that add up, while the service ${isRunning ? 'runs' : 'does not run'}`, async () => {
        const service = isRunning ? await home.start() : null;
        const send = ['campaign', 'send', at('june.html'), '--list', 'news', '--wait', '--json'];

        const counts = jsonOf(await home.zgoda(send));
        await service?.stop();

        const { campaign, queued, ...rest } = counts;
        expect(campaign).to.match(/^[0-9a-f-]{36}$/);
        expect(rest).to.have.all.keys('sent', 'failed', 'skipped', 'deferred', 'unknown');
        expect(Object.values(rest).reduce<number>((sum, n) => sum + Number(n), 0)).to.equal(queued);
        expect(counts).to.include({ queued: 4, sent: 4 });
      });
    }

    it('schedules a campaign, makes it a draft again, and pauses, resumes and cancels one', async () => {
      const send = ['campaign', 'send', at('june.html'), '--list', 'news', '--json'];
      const steer = async (...args: string[]): Promise<string> => {
        const { code, out, err } = await home.zgoda(['campaign', ...args]);
        return `${code} ${out}${err}`.trim();
      };
      const later = String(jsonOf(await home.zgoda([...send, '--at', '2099-12-01T09:00']))['campaign']);
      const now = String(jsonOf(await home.zgoda([...send, '--per-second', '1', '--warm-up', '2']))['campaign']);

      expect(await steer('unschedule', later)).to.equal('0 It is a draft again.');
      expect(await steer('unschedule', now)).to.equal('1 This campaign does not wait for its time any more.');
      expect(await steer('pause', now)).to.equal('0 Done.');
      expect(await steer('pause', now)).to.equal('0 It is so already.');
      expect(await steer('resume', now)).to.equal('0 Done.');
      expect(await steer('cancel', now)).to.equal('0 Done.');
      expect(await steer('resume', now)).to.contain('1 This campaign is cancelled: there is nothing to resume.');
      expect(await steer('cancel', 'x')).to.equal('1 There is no such campaign.');
      expect((await home.zgoda([...send, '--at', '2099-03-29T02:30'])).err).to.contain('skip 2099-03-29T02:30');
      expect((await home.zgoda([...send, '--per-second', '0'])).code).to.equal(64);
    });

    it('says no in plain words, with 1, without a stack and with nothing on standard output', async () => {
      const news = ['--list', 'news'];
      const refused: readonly (readonly [args: readonly string[], says: string, more?: Record<string, string>])[] = [
        [['setup', at('missing.json')], 'missing.json'],
        [['setup', home.dataDir], 'EISDIR'],
        [['setup', at('cut-off.json')], 'could not be read as JSON'],
        [['setup', at('empty.json')], 'organisation: '],
        [['setup', at('lines.json')], 'organisation.name: must be one line'],
        [['setup', at('slogan.json')], 'list news (en): The text part sounds like an advertisement: "Best deals".'],
        [['campaign', 'send', at('missing.html'), ...news], 'missing.html cannot be read'],
        [['campaign', 'send', home.dataDir, ...news], 'is not a file'],
        [['campaign', 'send', at('june.html'), '--list', 'nope'], 'no such list: nope. There is news, readings.'],
        [['campaign', 'send', at('june.html'), ...news, '--subject', 'a\nBcc: b'], 'a line break'],
        [['campaign', 'send', at('june.html'), ...news, '--subject', 'a'.repeat(300)], 'longer than 200'],
        [['campaign', 'send', at('untitled.html'), ...news], 'There is no subject'],
        [['user', 'add', '--email', 'ada', '--role', 'owner'], 'needs an @'],
        [['user', 'add', '--email', 'a@b.example\r\nBcc: c@d.example', '--role', 'owner'], 'The address '],
        [['keys', 'create'], 'was left as it is'],
        [['keys', 'rotate'], 'no keys file', { KEYS_FILE: at('no-keys.json') }],
        [['migrate'], 'DATABASE_URL must be a URL', { DATABASE_URL: 'nonsense' }],
        [['migrate'], 'DATA_DIR', { DATA_DIR: join(home.keysFile, 'below-a-file') }],
        [['migrate'], 'do not belong to this database', { KEYS_FILE: at('other-keys.json') }],
      ];
      expect((await home.zgoda(['keys', 'create'], { KEYS_FILE: at('other-keys.json') })).code).to.equal(0);

      for (const [args, says, more] of refused) {
        const told = await home.zgoda(args, more);

        expect([told.code, told.out], `${args.join(' ')}\n${told.err}`).to.deep.equal([1, '']);
        expect(told.err, args.join(' '))
          .to.contain(says)
          .and.not.to.match(/^ +at |node:internal/m);
      }
    });

    it('gives a login once, with a password on standard output', async () => {
      const add = ['user', 'add', '--email', 'ada@example.org', '--role', 'marketer'];

      const [first, second] = [await home.zgoda(add), await home.zgoda(add)];

      expect(first.out).to.match(/^Password: [\w-]{20}\n$/);
      expect([first.code, first.err]).to.deep.equal([0, '']);
      expect([second.code, second.out]).to.deep.equal([1, '']);
      expect(second.err).to.contain('has a login already');
    });

    it('ends quietly, with the code that it would have had, when nobody reads what it says', async () => {
      for (const [args, code] of [
        [['--help'], 0],
        [['doctor'], 1],
        [['ledger', 'fsck', '--json'], 0],
        [['campaign', 'send', at('june.html'), '--list', 'news', '--json'], 0],
        [['nope'], 64],
      ] as const) {
        const child = spawn(process.execPath, [CLI, ...args], {
          env: { PATH: process.env['PATH'], ...home.settings },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let err = '';
        child.stderr.on('data', (more: Buffer) => (err += more.toString()));
        child.stdout.destroy();

        expect(await once(child, 'close'), `${args.join(' ')}\n${err}`).to.deep.equal([code, null]);
        expect(err, args.join(' ')).to.not.match(/EPIPE|^ +at /m);
      }
    });
  });
});

async function zgoda(args: readonly string[]): Promise<Ended> {
  const running = run(CLI, args, {});
  const code = await running.exited;
  return { code, out: running.out(), err: running.err() };
}

function jsonOf(told: Ended, code = 0): Record<string, unknown> {
  expect([told.code, told.err]).to.deep.equal([code, '']);
  expect(told.out).to.match(/^\{.*\}\n$/);
  return JSON.parse(told.out) as Record<string, unknown>;
}

function withAllBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withAllBelow)];
}

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

/** A process each: two at a time. */
async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const take = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all([take(), take()]);
}

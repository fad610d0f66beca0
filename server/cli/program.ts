import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readJson, readText, trusted, withContext } from './installation.js';
import { readConfig, ROOT } from '../config.js';
import { Refusal } from '../errors.js';
import { runCli } from './run-cli.js';
import { addBounceCommand } from './bounce.js';
import { addCampaignCommands } from './campaign.js';
import { addCredentialCommands } from './credential.js';
import { addDoctorCommand } from './doctor.js';
import { addDomainCommands } from './domains.js';
import { addInjectCommand } from './inject.js';
import { addLedgerCommands } from './ledger.js';
import { addPeopleCommands } from './people.js';
import { addRetentionCommand } from './retention.js';
import { addWitnessCommand } from './witness.js';

// What a command needs is loaded when it runs: help, a mistake and the offline verifier need nearly nothing.
let exitCode = 0;

/** The whole command line; the docs test reads the commands from here. */
export const program = new Command('zgoda')
  .description('Double opt-in, proof of consent, preference pages and unsubscribe footers for e-mail')
  .version((JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version);

program
  .command('serve')
  .description('run the service (as npm start does, without building)')
  .action(async () => {
    await import('../main.js');
  });

program
  .command('migrate')
  .description('bring the database up to date, then end')
  .action(async () =>
    withContext(async () => {
      say('The database is up to date.');
      return Promise.resolve();
    }),
  );

program
  .command('setup')
  .argument('<file>', 'JSON: an organisation with its lists, wordings, notices and forms')
  .description('create or update an organisation; a changed wording becomes a new version')
  .action(async (file: string) =>
    withContext(async (ctx) => {
      const [{ setup }, { readMailTemplates }, { loadCatalogs }, { confirmationFaults }] = await Promise.all([
        import('../consent/setup.js'),
        import('../mail/compose.js'),
        import('../web/i18n.js'),
        import('../delivery/confirmation-faults.js'),
      ]);
      const definition = await readJson(file);
      const templates = readMailTemplates(ROOT, loadCatalogs(ROOT));
      say(JSON.stringify(await setup(ctx, definition, (list) => confirmationFaults(ctx, templates, list))));
    }),
  );

program
  .command('user')
  .description('staff with a login')
  .command('add')
  .requiredOption('--email <address>', 'who')
  .addOption(
    new Option('--role <role>', 'what they may do').choices(['owner', 'marketer', 'viewer']).makeOptionMandatory(),
  )
  .description('add a person with a login; prints the password once')
  .action(async (options: { email: string; role: string }) =>
    withContext(async (ctx) => {
      const { addStaff } = await import('../staff/add-staff.js');
      const { password } = await addStaff(ctx, options);
      say(`Password: ${password}`);
    }),
  );

addPeopleCommands(program, { withContext, say });

const keys = program.command('keys').description('the keys file');
keys
  .command('create')
  .description('make a keys file for a new installation; refuses to replace one')
  .action(async () => {
    const { createKeysFile, loadKeysFile } = await import('../keys/keys-file.js');
    const config = readConfig({ ...process.env, NODE_ENV: 'development' });
    if (await loadKeysFile(config.keysFile))
      throw new Refusal('keys-invalid', `There is a keys file at ${config.keysFile} already; it was left as it is.`);
    await createKeysFile(config.keysFile, new Date());
    say(
      `Made ${config.keysFile}. Copy it to a safe place apart from the database now: without it nothing can be read.`,
    );
  });
keys
  .command('rotate')
  .option('--log', 'the key of the proof log instead: its leaf is signed by the former key, which stays known')
  .description('add a new signing key; former ones still open old links')
  .action(async (options: { log?: boolean }) => {
    if (options.log) {
      await withContext(async (ctx) => {
        const { rotateLogKey } = await import('../ledger/rotate.js');
        const { former, vkey } = await rotateLogKey(ctx);
        say(
          `The log is signed with a new key from ${former.lastSize + 1} leaves on. Back the keys file up, restart every process, and publish the key:\n${vkey}`,
        );
      });
      return;
    }
    const { rotateKeys } = await import('../keys/keys-file.js');
    const file = await rotateKeys(readConfig(process.env).keysFile, new Date());
    say(
      `Key ${Math.max(...file.masters.map((master) => master.id))} signs from the next start on. Back the file up, then restart the service.`,
    );
  });

addDoctorCommand(program, { withContext, say, exit: (code) => (exitCode = code) });

addDomainCommands(program, { withContext, say, exit: (code) => (exitCode = code) });

program
  .command('verify')
  .argument('<receipt>', 'a receipt file')
  .option('--vkey <key>', 'a log key that you trust; may come again (default: those in DATA_DIR/trust)', collect, [])
  .option('--witness <key>', 'the key of a witness that you trust; may come again', collect, [])
  .option('--policy <file>', 'which witnesses must have signed, in tlog-policy syntax')
  .option(
    '--anchor-cert <file>',
    'certificates of time-stamp authorities that you trust, PEM; may come again (default: *.pem in DATA_DIR/trust)',
    collect,
    [],
  )
  .option('--json', 'as JSON')
  .description('check a receipt offline: 0 valid, 1 invalid, 2 incomplete, 3 contradiction')
  .action(async (file: string, options: VerifyOptions) => {
    const { runVerify } = await import('../verify/verify.js');
    const { vkeys, anchorCerts } = await trusted();
    exitCode = await runVerify({
      ...{ file, witnesses: options.witness, json: options.json ?? false },
      vkeys: options.vkey.length > 0 ? options.vkey : vkeys,
      anchorCerts: options.anchorCert.length > 0 ? await Promise.all(options.anchorCert.map(readText)) : anchorCerts,
      ...(options.policy === undefined ? {} : { policy: await readText(options.policy) }),
    });
  });

interface VerifyOptions {
  vkey: string[];
  witness: string[];
  policy?: string;
  anchorCert: string[];
  json?: boolean;
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

addLedgerCommands(program, { withContext, say, exit: (code) => (exitCode = code) });

addWitnessCommand(program);

addInjectCommand(program, { exit: (code) => (exitCode = code) });

addBounceCommand(program, { say });

addRetentionCommand(program, { withContext, say });

addCredentialCommands(program, { withContext, say });

addCampaignCommands(program, { withContext, say, exit: (code) => (exitCode = code) });

function say(text: string): void {
  console.log(text);
}

/** Runs the command line; returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  exitCode = 0;
  const code = await runCli(program, argv);
  return code === 0 ? exitCode : code;
}

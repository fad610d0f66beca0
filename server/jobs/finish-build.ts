// Run by `npm run build` once the code is compiled: writes the mail templates as HTML beside it, so that no service needs MJML to start.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compileMjml } from '../campaigns/mjml.js';
import { ROOT } from '../config.js';
import { compiledMail, MAIL_NAMES } from '../mail/compose.js';

for (const name of MAIL_NAMES) {
  const source = await readFile(join(ROOT, 'templates', 'mail', `${name}.mjml`), 'utf8');
  const compiled = compiledMail(ROOT, name);
  await mkdir(dirname(compiled), { recursive: true });
  await writeFile(compiled, await compileMjml(source));
}
await chmod(join(ROOT, 'dist', 'server', 'cli.js'), 0o755);

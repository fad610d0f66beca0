// Run by store.test.ts, which kills it: adds mails to the folder and prints the id of each that is in place.
import { writeSync } from 'node:fs';
import { openMailbox } from '../../server/mailbox/store.js';

const mailbox = await openMailbox(process.argv[2] ?? '');
for (let i = 0; i < 2_000; i += 1) {
  // Small ones and large ones take different ways to the disk.
  const raw = Buffer.from(`Subject: ${i}\r\n\r\n${'x'.repeat(i % 2 === 0 ? 20_000 : 2_000_000)}\r\nend\r\n`);
  const id = await mailbox.add({ from: '', to: 'ada@example.org', raw });
  writeSync(1, `${id}\n`);
}

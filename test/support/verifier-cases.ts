import type { ReceiptParts } from '../../server/ledger/receipt.js';
import type { Trust } from '../../server/verify/verify.js';
import type { Authority } from './authority.js';
import { ed25519 } from './keys.js';
import { BROKEN, receipt, SCENES, vkey } from './receipts.js';
import { cosigned, stampedReceipt, vkeyOf, ORIGIN, WITNESS_VKEY, type StampedScene } from './stamped-receipts.js';

/** A receipt, what its reader trusts, and the exit code that every verifier must come to. */
export interface VerifierCase {
  readonly title: string;
  readonly text: string;
  readonly trust: Trust;
  readonly exitCode: number;
}

type Case = Omit<VerifierCase, 'title'>;
type Titled = readonly [string, Case];

/** Good receipts and bad ones: every attack that a file can be. Those with time stamps only where there are authorities. */
export async function verifierCases(authorities: readonly Authority[]): Promise<VerifierCase[]> {
  const groups = await Promise.all([
    scenes(),
    strangeKeys(),
    strangeMembers(),
    witnessed(),
    ...authorities.map(async (authority) => stamped(authority, authorities)),
    ...authorities.slice(0, 1).map(late),
    changedBytes(authorities[0]),
  ]);
  return groups.flat().map(([title, one]) => ({ title, ...one }));
}

const trust: Trust = { vkeys: [vkey] };

async function scenes(): Promise<Titled[]> {
  const all = [...SCENES, ...BROKEN.map(([title, , scene]) => [title, 1, scene] as const)];
  return Promise.all(
    all.map(async ([title, exitCode, scene]): Promise<Titled> => [
      title,
      { text: await receipt(scene), trust, exitCode },
    ]),
  );
}

async function strangeKeys(): Promise<Titled[]> {
  const text = await receipt();
  const next = vkeyOf(ORIGIN, ed25519(2), 1);
  const rotated = await stampedReceipt({
    change: (parts) => ({ ...parts, log: { origin: ORIGIN, vkey: next, formerVkeys: [vkey] } }),
  });
  return [
    ['no key', { text, trust: { vkeys: [] }, exitCode: 2 }],
    ['another key', { text, trust: { vkeys: [next] }, exitCode: 2 }],
    ['keys that are none', { text, trust: { vkeys: ['x', vkey], witnesses: ['y'] }, exitCode: 2 }],
    ['a former key that is not pinned', { text: rotated, trust: { vkeys: [next] }, exitCode: 2 }],
    ['a former key that is pinned too', { text: rotated, trust: { vkeys: [next, vkey] }, exitCode: 0 }],
    ['no receipt', { text: '{}', trust, exitCode: 1 }],
    ['no JSON', { text: text.slice(1), trust, exitCode: 1 }],
    ['a member twice', { text: text.replace('"list":', '"list": "x", "list":'), trust, exitCode: 1 }],
    ['a fraction', { text: text.replace('"schema_version": 1', '"schema_version": 1.0'), trust, exitCode: 1 }],
    ['minus zero', { text: text.replace('"schema_version": 1', '"schema_version": -0'), trust, exitCode: 1 }],
    ['half a character', { text: text.replace('"list": "News"', '"list": "\\ud800"'), trust, exitCode: 1 }],
    ['a mark before it', { text: `\ufeff${text}`, trust, exitCode: 1 }],
  ];
}

interface Loose {
  [name: string]: unknown;
}

/** An unknown member at every depth: nobody verifies what it says. */
async function strangeMembers(): Promise<Titled[]> {
  const text = await receipt();
  const places: [string, number, (whole: Loose) => unknown][] = [
    ['the receipt', 2, (whole) => whole],
    ['the log', 2, (whole) => whole['log']],
    ['the anchors', 2, (whole) => whole['anchors']],
    ['an event', 2, (whole) => (whole['events'] as Loose[])[1]],
    ['a disclosed field', 2, (whole) => ((whole['events'] as Loose[])[0]?.['fields'] as Loose)['ip']],
    ['a record', 1, (whole) => (whole['events'] as Loose[])[0]?.['record']],
    ['the texts', 1, (whole) => whole['texts']],
  ];
  return places.map(([title, exitCode, place]): Titled => {
    const whole = JSON.parse(text) as Loose;
    Object.assign(place(whole) as Loose, { verified: 'by the court' });
    return [`a strange member in ${title}`, { text: JSON.stringify(whole), trust, exitCode }];
  });
}

async function witnessed(): Promise<Titled[]> {
  const council = `witness council ${WITNESS_VKEY}`;
  const policy = `${council}\ngroup all all council\nquorum all\n`;
  const named = (parts: ReceiptParts): ReceiptParts => ({ ...parts, policy: `${council}\nquorum council\n` });
  const good = cosigned(ed25519(3));
  const forged = cosigned(ed25519(4));
  const text = await stampedReceipt({ cosign: good });
  const of = async (scene: StampedScene, more: Partial<Trust>, exitCode: number): Promise<Case> => ({
    ...{ text: await stampedReceipt(scene), exitCode },
    trust: { ...trust, ...more },
  });
  const witnesses = [WITNESS_VKEY];
  return [
    ['a witness', { text, trust: { ...trust, witnesses }, exitCode: 0 }],
    ['a witness that nobody trusts', { text, trust, exitCode: 0 }],
    ['a policy', { text, trust: { ...trust, policy }, exitCode: 0 }],
    ['a policy that names the log', { text, trust: { vkeys: [], policy: `log ${vkey}\n${policy}` }, exitCode: 0 }],
    ['a policy that is none', { text, trust: { ...trust, policy: 'quorum nobody\n' }, exitCode: 2 }],
    ['a policy that is not met', await of({}, { policy }, 2)],
    ['a forged witness', await of({ cosign: forged }, { witnesses }, 1)],
    ['a forged witness that nobody trusts', await of({ cosign: forged }, {}, 0)],
    ['a forged witness that the receipt names', await of({ cosign: forged, change: named }, {}, 1)],
    ['a witness that the receipt names', await of({ cosign: good, change: named }, {}, 0)],
    ['a later tree of another history', await of({ laterFork: true }, {}, 3)],
  ];
}

async function stamped(authority: Authority, all: readonly Authority[]): Promise<Titled[]> {
  const text = await stampedReceipt({ stampedBy: authority });
  const other = all.find((one) => one !== authority);
  const elsewhere = await stampedReceipt({ stampedBy: authority, stamps: (note) => `${note} ` });
  const anchorCerts = [authority.root];
  return [
    ['a stamp', { text, trust, exitCode: 0 }],
    ['a stamp that is trusted', { text, trust: { ...trust, anchorCerts }, exitCode: 0 }],
    [
      'a stamp of another authority',
      { text, trust: { ...trust, anchorCerts: [other?.root ?? ''] }, exitCode: other ? 0 : 2 },
    ],
    ['a stamp of something else', { text: elsewhere, trust, exitCode: 1 }],
    ['a certificate that is none', { text, trust: { ...trust, anchorCerts: ['x'] }, exitCode: 2 }],
  ];
}

/** T3: what was written down later than it claims. */
async function late(authority: Authority): Promise<Titled[]> {
  const trusting = { ...trust, anchorCerts: [authority.root] };
  const of = async (scene: StampedScene, exitCode: number): Promise<Case> => ({
    ...{ text: await stampedReceipt({ interval: 'PT1H', ...scene }), trust: trusting, exitCode },
  });
  const by = { stampedBy: authority };
  return [
    ['a backdated event', await of({ ...by, minutesAgo: 120 }, 1)],
    ['an event that was not yet in a stamped tree', await of({ ...by, minutesAgo: 120, stampedSize: 1 }, 1)],
    ['an event that was stamped before it happened', await of({ ...by, minutesAgo: -30 }, 1)],
    ['an event that is stamped in time', await of({ ...by, minutesAgo: 30 }, 0)],
    ['an event that is too young for a stamp', await of({ minutesAgo: 30 }, 0)],
    ['an event whose stamps were taken out', await of({ minutesAgo: 120 }, 2)],
    ['a log that promises no stamps', await of({ minutesAgo: 1, interval: null }, 2)],
    ['a log that promises stamps in a lifetime', await of({ ...by, minutesAgo: 120, interval: 'P9999D' }, 2)],
  ];
}

/** One byte changed in each part. */
async function changedBytes(authority: Authority | undefined): Promise<Titled[]> {
  const named = (parts: ReceiptParts): ReceiptParts => ({
    ...parts,
    events: parts.events.map((event) => ({ ...event, fields: {} })),
  });
  const text = await stampedReceipt({
    cosign: cosigned(ed25519(3)),
    change: named,
    ...(authority ? { stampedBy: authority } : {}),
  });
  const all = { ...trust, witnesses: [WITNESS_VKEY], anchorCerts: authority ? [authority.root] : [] };
  const places: [string, RegExp][] = [
    ['a record', /(?<="list_name": "N)e/],
    ['an opening', /(?<=extra A)[A-Za-z]/],
    ['a leaf index', /(?<=index )[0-9]/],
    ['a path', /(?<=index 1\\n.{10})[A-Za-z0-9]/],
    ['the size of a checkpoint', /(?<=\\n\\nconsent.example.org\/log\\n)[0-9]/],
    ['the root of a checkpoint', /(?<=consent.example.org\/log\\n3\\n.{10})[A-Za-z0-9]/],
    ['a signature of the log', /(?<=\\n— consent.example.org\/log .{20})[A-Za-z0-9]/],
    ['a signature of a witness', /(?<=\\n— witness.example.org\/council .{40})[A-Za-z0-9]/],
    ['a time of a witness', /(?<=\\n— witness.example.org\/council .{12})[A-Za-z0-9]/],
    ['a log key', /(?<="vkey": "[^"]{40})[A-Za-z0-9]/],
    ['a secret', /(?<="secret": "...)[A-Za-z0-9]/],
    ['a hash', /(?<="secret_sha256": "...)[a-f0-9]/],
    ['a name', /(?<="organisation": "..)[a-z]/],
  ];
  if (authority) {
    const length = (/(?<="token": ")[^"]{100,}/.exec(text) ?? [''])[0].length;
    const steps = Array.from({ length: 24 }, (_, at) => Math.floor((length * at) / 24));
    places.push(
      ...steps.map((at): [string, RegExp] => [
        `a time stamp at ${at}`,
        new RegExp(`(?<="token": "[^"]{${at}})[A-Za-z0-9]`),
      ]),
    );
  }
  return places.map(([title, place]): Titled => {
    const changed = text.replace(
      place,
      (byte) => ({ A: 'B', '0': '1', '1': '2' })[byte] ?? (/\d/.test(byte) ? '1' : 'A'),
    );
    if (changed === text) throw new Error(`nothing to change in ${title}`);
    return [`one byte changed in ${title}`, { text: changed, trust: all, exitCode: 1 }];
  });
}

import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { formatAddCheckpoint, parseAddCheckpoint, parseSize } from '../../server/ledger/add-checkpoint.js';
import { Malformed } from '../../server/ledger/malformed.js';
import { EMPTY_ROOT } from '../../server/ledger/merkle.js';
import { parseVkey, signNote, verifierKey } from '../../server/ledger/note.js';
import { headOf, judge, NO_HEAD, readSubmission, type Submission } from '../../server/witness/judge.js';
import { makePaperLog } from '../support/log.js';
import { itWithVectors } from '../support/shared.js';

interface Probes {
  consistency: {
    file: string;
    size1: number;
    size2: number;
    root1_b64: string;
    root2_b64: string;
    proof_b64: string[];
    must_fail: boolean;
  }[];
}

const log = makePaperLog();
const logs = [parseVkey(log.vkey)];

describe('an add-checkpoint request', () => {
  it('is what the specification shows', () => {
    const hashes = ['PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=', 'jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk='];
    const body = `old 20852014\n${hashes.join('\n')}\n\nexample.com/behind-the-sofa\n20852163\n`;

    const parsed = parseAddCheckpoint(body);

    expect(parsed.oldSize).to.equal(20_852_014);
    expect(parsed.proof.map((hash) => hash.toString('base64'))).to.deep.equal(hashes);
    expect(parsed.note).to.equal('example.com/behind-the-sofa\n20852163\n');
    expect(formatAddCheckpoint(parsed)).to.equal(body);
  });

  it('is refused in any other spelling', () => {
    const hash = Buffer.alloc(32).toString('base64');
    const bodies = [
      ...['', '\n\n', 'old\n\nnote', 'old 01\n\nnote', 'old -1\n\nnote', 'old 1 \n\nnote', 'OLD 1\n\nnote', 'old 1\n'],
      ...[`old 1\n${hash.slice(0, -1)}\n\nnote`, `old 1\n${hash} \n\nnote`, 'old 1\r\n\r\nnote', 'old 1e3\n\nnote'],
      `old 1\n${`${hash}\n`.repeat(64)}\nnote`,
    ];

    for (const body of bodies) expect(() => parseAddCheckpoint(body), body).to.throw(Malformed);
    expect(parseAddCheckpoint(`old 1\n${`${hash}\n`.repeat(63)}\nnote`).proof).to.have.length(63);
  });

  it('is answered 409 with a size, which is read as strictly', () => {
    expect(parseSize('20852014\n')).to.equal(20_852_014);
    for (const body of ['', '1', '01\n', '1\n\n', '-1\n', '99999999999999999\n'])
      expect(() => parseSize(body), body).to.throw(Malformed);
  });
});

describe('a witness', () => {
  it('takes a first head with an empty proof, and each that goes on from the last', async () => {
    const first = await submitted(0, 5);
    const next = await submitted(5, 9);

    expect(judge(first, NO_HEAD)).to.be.null;
    expect(judge(next, first)).to.be.null;
    expect(judge(await submitted(5, 5), first), 'the same again').to.be.null;
  });

  it('answers 409 and its size to a request from any other size', async () => {
    const last = await submitted(0, 5);

    for (const [oldSize, size] of [
      [0, 9],
      [4, 9],
      [6, 9],
    ] as const) {
      expect(judge(await submitted(oldSize, size), last)).to.include({
        status: 409,
        body: '5\n',
        type: 'text/x.tlog.size',
      });
    }
  });

  it('answers 409 to another root of the same size', async () => {
    expect(judge(await submitted(5, 5, 3), await submitted(0, 5))).to.include({ status: 409, body: '5\n' });
  });

  it('answers 422 to another history, with whatever proof', async () => {
    const last = await submitted(0, 5);

    expect(judge(await submitted(5, 9, 3), last)).to.include({ status: 422 });
    expect(judge({ ...(await submitted(5, 9)), proof: [] }, last)).to.include({ status: 422 });
    expect(judge({ ...(await submitted(5, 5)), proof: [Buffer.alloc(32)] }, last)).to.include({ status: 422 });
    expect(judge({ ...(await submitted(0, 5)), proof: [Buffer.alloc(32)] }, NO_HEAD)).to.include({ status: 422 });
  });

  it('takes the empty tree with its one root only', async () => {
    const empty = { ...(await submitted(0, 1)), size: 0, oldSize: 0 };

    expect(judge({ ...empty, root: EMPTY_ROOT }, NO_HEAD)).to.be.null;
    expect(judge(empty, NO_HEAD)).to.include({ status: 409 });
  });

  itWithVectors('takes exactly the consistency proofs that hold', 'merkle_proof_probes', async (vectors) => {
    const some = await submitted(0, 1);

    for (const probe of (vectors as Probes).consistency) {
      const last = { size: probe.size1, root: Buffer.from(probe.root1_b64, 'base64') };
      const submission = {
        ...some,
        ...{ oldSize: probe.size1, size: probe.size2, root: Buffer.from(probe.root2_b64, 'base64') },
        proof: probe.proof_b64.map((hash) => Buffer.from(hash, 'base64')),
      };
      // From nothing on, the protocol wants an empty proof where the library that made the probes refuses any (P-26).
      const fromEmpty = probe.size1 === 0 && probe.size2 > 0 && probe.proof_b64.length === 0;
      expect(judge(submission, last) === null, probe.file).to.equal(fromEmpty || !probe.must_fail);
    }
  });

  it('answers 404 for a log that it does not follow', async () => {
    const other = makePaperLog('other.example.org');

    expect(readSubmission(await other.request(0, 3), logs)).to.include({ status: 404 });
  });

  it('answers 403 for a head that the log did not sign, under its name or not', async () => {
    const impostor = makePaperLog();
    const bent = (await log.request(0, 3)).replace('\n3\n', '\n4\n');

    expect(readSubmission(await impostor.request(0, 3), logs)).to.include({ status: 403 });
    expect(readSubmission(bent, logs)).to.include({ status: 403 });
  });

  it('answers 400 for what it cannot read, and for a log that claims to have shrunk', async () => {
    const body = await log.request(0, 3);

    expect(readSubmission(body.replace('old 0', 'old 4'), logs)).to.include({ status: 400 });
    for (const broken of ['', 'old 0\n', body.replace('\n\n', '\n'), body.slice(0, -1), body.replace('log.ex', '')])
      expect(readSubmission(broken, logs), broken).to.have.property('status').that.is.oneOf([400, 404]);
  });

  it('follows logs that write extension lines, and signs these too', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const text = `wide.example.org\n1\n${EMPTY_ROOT.toString('base64')}\nmore to say\n`;
    const note = signNote(text, 'wide.example.org', privateKey);

    const submission = readSubmission(formatAddCheckpoint({ oldSize: 0, proof: [], note }), [
      verifierKey('wide.example.org', privateKey),
    ]);

    expect(submission).to.include({ size: 1, text });
    expect(headOf(note).origin).to.equal('wide.example.org');
  });

  async function submitted(oldSize: number, size: number, fork?: number): Promise<Submission> {
    const submission = readSubmission(await log.request(0, size, fork), logs);
    if ('status' in submission) throw new Error(submission.body);
    const { proof } = parseAddCheckpoint(await log.request(Math.min(oldSize, size), size, fork));
    return { ...submission, oldSize, proof };
  }
});

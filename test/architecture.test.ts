import { expect } from 'chai';
import ts from 'typescript';
import { domainOf, isEdge, isPure, MAY_DRAW, speaksEdge, wrongWay } from './support/layout.js';
import { importsOf, lineAt, literalsOf, nodesOf, readSource, readSources, whereIs } from './support/source.js';

/** Files that are long for a reason; everything else is told apart at 220 lines. */
const LONG: Readonly<Record<string, string>> = {
  'server/database/gate.ts': "one state machine of PostgreSQL's protocol, told in one place",
  'server/mail/smtp-connection.ts': 'one connection is one state machine',
  'server/verify/verify.ts': 'one file on purpose: an auditor reads it whole, and it shares no code with the server',
  'server/web/pages.ts': 'the contract of every page: types only',
  'entities/migrations/1764000000000-init.ts': 'a migration is SQL, in the order in which it runs',
};
const MAX_LINES = 220;

const EDGE_PACKAGES = ['express', 'smtp-server', 'commander', 'multer'];
/** Packages and modules that reach a database, a clock, the environment or the network. */
const IMPURE =
  /^(fs|fs\/promises|net|tls|http2?|https|dns|dgram|child_process|worker_threads|cluster|os|process|readline|timers)(\/|$)/;
const IMPURE_PACKAGES = [
  'pg',
  'typeorm',
  'pino',
  'prom-client',
  '@electric-sql/pglite',
  'nodemailer',
  ...EDGE_PACKAGES,
];
const DRAWS =
  /^(randomBytes|randomUUID|randomInt|randomFill|randomFillSync|generateKey|generateKeyPair|generateKeyPairSync)$/;

const server = readSources('server');
const entities = readSources('entities').filter(({ path }) => !path.startsWith('entities/migrations/'));
const everything = [...readSources('server', 'entities', 'test'), readSource('ormconfig.ts')];
const imports = server.flatMap((source) => importsOf(source).map((one) => ({ ...one, from: source.path })));
const valueImports = imports.filter((one) => !one.isType);

describe('The house', () => {
  describe('has three kinds of file', () => {
    it('keeps databases, clocks, environment and network out of pure files', () => {
      const pure = server.filter(({ path }) => isPure(path));

      const complaints = pure.flatMap((source) =>
        nodesOf(source).flatMap((node) => {
          const what = impurity(node, MAY_DRAW.includes(source.path));
          return what ? [`${whereIs(source, node)} uses ${what}`] : [];
        }),
      );

      expect(pure.length).to.be.greaterThan(30);
      expectNone(complaints);
    });

    it('lets pure files import pure files and harmless packages only', () => {
      const complaints = valueImports
        .filter(({ from, to, isOurs }) => isPure(from) && (isOurs ? !isPure(to) : isImpure(to)))
        .map(({ to, where }) => `${where} imports ${to}`);

      expectNone(complaints);
    });

    it('lets only edges know Express, multer, smtp-server and commander', () => {
      const complaints = valueImports
        .filter(({ from, to }) => EDGE_PACKAGES.includes(to) && !isEdge(from))
        .map(({ to, where }) => `${where} imports ${to}`);

      expectNone(complaints);
    });

    it('lets only edges import edges', () => {
      const complaints = valueImports
        .filter(({ from, to }) => isEdge(to) && !isEdge(from) && !speaksEdge(from, to))
        .map(({ to, where }) => `${where} imports ${to}`);

      expectNone(complaints);
    });
  });

  describe('imports leftwards', () => {
    it('takes values only from domains to the left', () => {
      const complaints = valueImports.flatMap(({ from, to, where, isOurs }) => {
        const wrong = isOurs ? wrongWay(from, to) : null;
        return wrong ? [`${where} ${wrong}`] : [];
      });

      expect(valueImports.length).to.be.greaterThan(100);
      expectNone(complaints);
    });

    it('has a verifier that shares no code with the server', () => {
      const complaints = imports
        .filter(({ from, to, isOurs }) => domainOf(from) === 'verify' && isOurs && domainOf(to) !== 'verify')
        .map(({ to, where }) => `${where} imports ${to}`);

      expectNone(complaints);
    });

    it('reads entities as types; only ormconfig.ts holds their classes', () => {
      const complaints = valueImports
        .filter(({ to }) => to.startsWith('entities/') && !to.startsWith('entities/migrations/'))
        .map(({ to, where }) => `${where} imports ${to}`);

      expectNone(complaints);
    });
  });

  describe('has three doors', () => {
    it('writes consents in consent/act.ts only, but for the time of the last mail', () => {
      const writes = findSql(
        /\b(insert\s+into|update(\s+only)?|delete\s+from|merge\s+into|copy|truncate)\s+consent\b(.*)/gi,
      );

      const complaints = writes
        .filter(({ path }) => path !== 'server/consent/act.ts')
        .filter(({ text }) => !/^update consent( c)? set last_sent_at = [^,]+( from | where |$)/.test(text));

      expect(writes.some(({ path }) => path === 'server/consent/act.ts')).to.be.true;
      expectNone(complaints.map(({ where, text }) => `${where} ${text}`));
    });

    it('writes events in ledger/append.ts only, and lets rights/ erase their bodies', () => {
      const writes = findSql(
        /\b(insert\s+into|update(\s+only)?|delete\s+from|merge\s+into|copy|truncate)\s+(consent_event|event_body)\b(.*)/gi,
      );

      const complaints = writes
        .filter(({ path }) => path !== 'server/ledger/append.ts')
        .filter(({ path, text }) => !(domainOf(path) === 'rights' && /^(update|delete from) event_body\b/i.test(text)));

      expect(writes.filter(({ path }) => path === 'server/ledger/append.ts')).to.have.length(2);
      expectNone(complaints.map(({ where, text }) => `${where} ${text}`));
    });

    it('hands mail to SMTP in delivery/deliver.ts only', () => {
      const mayHold = (from: string) =>
        from === 'server/delivery/deliver.ts' ||
        /^server\/(main|cli)\.ts$|^server\/(cli|jobs)\//.test(from) ||
        from.startsWith('server/mail/smtp');
      const complaints = valueImports
        .filter(
          ({ from, to }) =>
            to.startsWith('server/mail/smtp') && to !== 'server/mail/smtp-server-url.ts' && !mayHold(from),
        )
        .map(({ names, where }) => `${where} imports ${names.join(', ')}`);
      const calls = server
        .filter(({ path }) => path !== 'server/delivery/deliver.ts')
        .flatMap((source) =>
          nodesOf(source).flatMap((node) => (isPoolSend(node) ? [`${whereIs(source, node)} sends`] : [])),
        );
      const transports = valueImports
        .filter(({ to }) => to === 'nodemailer')
        .map(({ where }) => `${where} imports nodemailer`);

      expectNone([...complaints, ...calls, ...transports]);
    });
  });

  describe('is tidy', () => {
    it('has entities without behaviour: columns and constraints', () => {
      const complaints = entities.flatMap((source) => [
        ...nodesOf(source)
          .filter((node) => isBehaviour(node))
          .map((node) => `${whereIs(source, node)} is more than a column`),
        ...importsOf(source)
          .filter(({ to, isType }) => !isType && to !== 'typeorm' && !to.startsWith('entities/'))
          .map(({ to, where }) => `${where} imports ${to}`),
      ]);

      expectNone(complaints);
    });

    it(`has no file of more than ${MAX_LINES} lines without a reason`, () => {
      const lengths = everything
        .filter(({ path }) => !path.startsWith('test/'))
        .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }));

      const tooLong = lengths.filter(({ path, lines }) => lines > MAX_LINES && !(path in LONG));
      const needless = Object.keys(LONG).filter(
        (path) => !lengths.some((one) => one.path === path && one.lines > MAX_LINES),
      );

      expectNone([
        ...tooLong.map(({ path, lines }) => `${path}:${MAX_LINES + 1} goes on to line ${lines}`),
        ...needless.map((path) => `${path} needs no exception any more`),
      ]);
    });

    it('leaves nothing to do and switches no check off', () => {
      // Written in halves, so that this file does not name what it looks for.
      const marks = new RegExp(
        ['TO' + 'DO', 'FIX' + 'ME', 'eslint-' + 'disable', '@ts-' + '(ignore|nocheck|expect-error)'].join('|'),
        'g',
      );

      const complaints = everything.flatMap((source) =>
        [...source.text.matchAll(marks)].map((hit) => `${lineAt(source, hit.index)} says ${hit[0]}`),
      );

      expectNone(complaints);
    });
  });
});

function expectNone(complaints: readonly string[]): void {
  expect(complaints, `\n  ${complaints.join('\n  ')}\n`).to.be.empty;
}

function isImpure(module: string): boolean {
  return IMPURE.test(module) || IMPURE_PACKAGES.includes(module);
}

function impurity(node: ts.Node, mayDraw: boolean): string | null {
  if (ts.isPropertyAccessExpression(node)) return impureMember(node.getText());
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return 'the clock';
  if (!ts.isIdentifier(node) || ts.isPropertyAccessExpression(node.parent)) return null;
  if (DRAWS.test(node.text) && !mayDraw) return node.text;
  const isCalled = ts.isCallExpression(node.parent) && node.parent.expression === node;
  return isCalled && /^(fetch|setTimeout|setInterval|setImmediate|queueMicrotask)$/.test(node.text) ? node.text : null;
}

function impureMember(text: string): string | null {
  return /^(process\.\w+|console\.\w+|globalThis\.\w+|Date\.now|performance\.\w+|Math\.random|crypto\.(random|generate)\w+)$/.test(
    text,
  )
    ? text
    : null;
}

function isBehaviour(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node)) return node.initializer !== undefined;
  if (ts.isArrowFunction(node)) return !ts.isCallExpression(node.parent) || node.body.kind !== ts.SyntaxKind.Identifier;
  return (
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isClassStaticBlockDeclaration(node)
  );
}

// `pool.send(...)`, or what only an SmtpPool takes: one object that names the message and its envelope.
function isPoolSend(node: ts.Node): boolean {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  if (node.expression.name.text !== 'send') return false;
  const [mail] = node.arguments;
  const names =
    mail && ts.isObjectLiteralExpression(mail) ? mail.properties.map((property) => property.name?.getText()) : [];
  return /pool$/i.test(node.expression.expression.getText()) || (names.includes('message') && names.includes('to'));
}

function findSql(pattern: RegExp): { path: string; where: string; text: string }[] {
  return server.flatMap((source) =>
    literalsOf(source).flatMap((literal) =>
      [...literal.text.matchAll(pattern)].map((hit) => ({
        path: source.path,
        where: literal.whereOf(hit.index),
        text: hit[0].replace(/\s+/g, ' ').trim(),
      })),
    ),
  );
}

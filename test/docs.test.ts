import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { ROOT, SETTING_NAMES } from '../server/config.js';
import { nodesOf, readSources } from './support/source.js';

/** What DESIGN.md 9 promises to the outside. */
const ROUTES = [
  '/lists/:slug',
  '/forms/:id',
  '/forms/:id/embed',
  '/c/:token',
  '/u/:token',
  '/p/:token',
  '/m/:token',
  '/preferences',
  '/privacy/:organisation',
  '/receipts/:token',
  '/w/:token',
  '/i/:token',
  '/log',
  '/log/checkpoint',
  '/log/vkey',
  '/log/tile/...',
  '/healthz',
  '/readyz',
  '/metrics',
  '/admin',
  '/mailbox',
  '/mailbox.json',
  '/mailbox/:id.eml',
];

const readme = read('README.md');
const changelog = read('CHANGELOG.md');
const CLI = 'server/cli';

describe('the documents', () => {
  it('tell every setting once, in a row of their table', () => {
    for (const name of SETTING_NAMES) expect(rowsFor(name), name).to.have.length(1);
  });

  it('tell no setting that there is not', () => {
    const rows = [...section('## Settings').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, name]) => name);

    expect(rows).to.have.members(SETTING_NAMES);
  });

  it('tell every command', () => {
    const commands = commandsOf();

    expect(commands).to.include('serve');
    for (const command of commands) expect(readme, command).to.match(new RegExp(`\`zgoda ${command}[ \`]`));
  });

  it('tell every public route', () => {
    for (const route of ROUTES) expect(section('## Routes'), route).to.include(`\`${route}\``);
  });

  it('tell what every folder of the server is for, and no other', () => {
    const folders = new Set(
      readSources('server')
        .map(({ path }) => path.split('/')[1])
        .filter((name) => !name?.endsWith('.ts')),
    );
    const cells = [...section('## Where things are').matchAll(/^\|([^|]+)\|/gm)].map(([, cell = '']) => cell);
    const told = cells.slice(1).flatMap((cell) => [...cell.matchAll(/`(\w+)\/`/g)].map(([, name]) => name));

    expect(told).to.have.members([...folders]);
  });

  it('begin with the two commands', () => {
    expect(readme).to.include('npm ci && npm start').and.include('npm ci && npm test');
  });

  it('lead to files that are there', () => {
    for (const name of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])
      for (const [, target = ''] of read(name).matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        expect(existsSync(join(ROOT, target)), `${name} leads to ${target}`).to.be.true;
  });

  it("name no folder of anybody's machine", () => {
    for (const name of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', '.ci/run'])
      expect(read(name), name).not.to.match(/\/(work|home|root|Users)\//);
  });

  it('tell what changed: unreleased, or in this version', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };

    expect([...changelog.matchAll(/^## \[(.+?)\]/gm)].map(([, name]) => name)).to.include.oneOf([
      'Unreleased',
      version,
    ]);
  });
});

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

function rowsFor(name: string): string[] {
  return section('## Settings')
    .split('\n')
    .filter((line) => line.startsWith(`| \`${name}\``));
}

function section(heading: string): string {
  return readme.slice(readme.indexOf(`\n${heading}\n`) + heading.length + 2).split('\n## ')[0] ?? '';
}

/** Full names of commander's commands, from the calls of .command() in the files of the command line; those that only group others are left out. */
function commandsOf(): string[] {
  const calls = readSources(CLI)
    .flatMap((source) => nodesOf(source))
    .filter(isCommandCall);
  const names = [...new Set(calls.map(nameOf))];
  return names.filter((name) => !names.some((other) => other.startsWith(`${name} `)));
}

function isCommandCall(node: ts.Node): node is ts.CallExpression {
  return (
    ts.isCallExpression(node) &&
    ts.isPropertyAccessExpression(node.expression) &&
    node.expression.name.text === 'command' &&
    node.arguments.length > 0 &&
    ts.isStringLiteralLike(node.arguments[0]!)
  );
}

// `x.command('a')` is below whatever command x is: a call further left in the chain, or a variable that holds one.
function nameOf(call: ts.CallExpression): string {
  const [first] = call.arguments;
  const own = first && ts.isStringLiteralLike(first) ? first.text.split(' ')[0]! : '';
  const parent = ts.isPropertyAccessExpression(call.expression) ? commandAt(call.expression.expression) : null;
  return parent ? `${nameOf(parent)} ${own}` : own;
}

function commandAt(node: ts.Expression): ts.CallExpression | null {
  if (isCommandCall(node)) return node;
  if (ts.isCallExpression(node)) return commandAt(node.expression);
  if (ts.isPropertyAccessExpression(node)) return commandAt(node.expression);
  if (!ts.isIdentifier(node)) return null;
  const held = nodesOf({ path: '', text: '', tree: node.getSourceFile() }).find(
    (one): one is ts.VariableDeclaration => ts.isVariableDeclaration(one) && one.name.getText() === node.text,
  );
  return held?.initializer ? commandAt(held.initializer) : null;
}

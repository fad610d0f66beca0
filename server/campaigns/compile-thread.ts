import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is to do with a text: compile MJML or Markdown, or write style sheets into the elements of an HTML page. */
export interface CompileJob {
  readonly kind: 'mjml' | 'markdown' | 'styles';
  readonly source: string;
}

/** What the thread answers: the HTML, or why there is none. */
export type CompileAnswer =
  | {
      readonly html: string;
      /** As the file says it; absent: it is looked for in the HTML. */
      readonly title?: string;
      readonly problems: readonly CompileProblem[];
    }
  | { readonly failed: string };

export interface CompileProblem {
  readonly line: number;
  readonly message: string;
}

type Mjml2Html = (
  source: string,
  options: {
    /** `mj-include` reads files: never. */
    ignoreIncludes: true;
    validationLevel: 'soft';
    keepComments: boolean;
    /** Fonts that are fetched from elsewhere when a mail is opened. */
    fonts: Record<string, string>;
  },
) => Promise<{ html: string; errors: { line: number; message: string; tagName: string }[] }>;

/** The part of juice that knows no files and no network. */
interface Juice {
  (html: string, options: Readonly<Record<string, boolean>>): string;
  codeBlocks: Record<string, unknown>;
}

const require = createRequire(import.meta.url);

async function compileMjml(source: string): Promise<CompileAnswer> {
  const mjml2html = require('mjml') as Mjml2Html | { default: Mjml2Html };
  const compile = typeof mjml2html === 'function' ? mjml2html : mjml2html.default;
  const { html, errors } = await compile(source, {
    ignoreIncludes: true,
    validationLevel: 'soft',
    keepComments: false,
    fonts: {},
  });
  return {
    html,
    problems: errors.map(({ line, message, tagName }) => ({ line, message: `${tagName}: ${message}` })),
  };
}

// The sheets stay as well: media queries, dark mode and what some program needs cannot stand in an element.
async function inlineStyles(source: string): Promise<CompileAnswer> {
  const juice = require('juice/client') as Juice;
  juice.codeBlocks = {};
  const html = juice(source, {
    removeStyleTags: false,
    applyWidthAttributes: false,
    applyHeightAttributes: false,
    applyAttributesTableElements: false,
    inlinePseudoElements: false,
    // It stumbles over declarations without a name.
    resolveCSSVariables: false,
  });
  const { emphasiseQueries } = await import('./emphasise.js');
  return { html: emphasiseQueries(html), problems: [] };
}

async function answer({ kind, source }: CompileJob): Promise<CompileAnswer> {
  try {
    if (kind === 'markdown') return { ...(await import('./markdown.js')).renderMarkdown(source), problems: [] };
    return await (kind === 'styles' ? inlineStyles(source) : compileMjml(source));
  } catch (error) {
    return { failed: error instanceof Error ? error.message : 'unknown' };
  }
}

parentPort?.postMessage(await answer(workerData as CompileJob));

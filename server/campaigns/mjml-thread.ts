import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread answers: the compiled HTML, or why there is none. */
export type MjmlAnswer =
  { readonly html: string; readonly problems: readonly MjmlProblem[] } | { readonly failed: string };

export interface MjmlProblem {
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

const mjml2html = createRequire(import.meta.url)('mjml') as Mjml2Html | { default: Mjml2Html };
const compile = typeof mjml2html === 'function' ? mjml2html : mjml2html.default;

async function answer(source: string): Promise<MjmlAnswer> {
  try {
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
  } catch (error) {
    return { failed: error instanceof Error ? error.message : 'unknown' };
  }
}

parentPort?.postMessage(await answer(String(workerData)));

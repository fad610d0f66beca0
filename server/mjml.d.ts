// mjml ships no types. Only what mail/compose.ts uses.
declare module 'mjml' {
  interface MjmlOptions {
    readonly validationLevel?: 'strict' | 'soft' | 'skip';
    /** mj-include reads files. */
    readonly ignoreIncludes?: boolean;
    readonly keepComments?: boolean;
    /** Names that make mjml link a web font; {} for none. */
    readonly fonts?: Readonly<Record<string, string>>;
  }

  /** Throws, with validationLevel strict, on any mistake in the source. */
  export default function mjml(source: string, options: MjmlOptions): Promise<{ readonly html: string }>;
}

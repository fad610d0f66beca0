import { hash } from 'node:crypto';

/** A change to the bytes of a part as they read when decoded. */
export interface RecipeEdit {
  /** In the part of the message that went out. */
  readonly offset: number;
  /** Bytes that stand there now; cutting them and putting `removed` back gives the text that came in. */
  readonly length: number;
  /** What stood there: a placeholder, as Latin-1. */
  readonly removed?: string;
}

/** What was done to a text part. */
export interface RecipePart {
  /** As IMAP counts parts: `1.2`; empty: the message has one part. */
  readonly path: string;
  readonly edits: readonly RecipeEdit[];
  /** Where the part had to be written anew: charset and transfer encoding before and after. */
  readonly rewritten?: { readonly from: string; readonly to: string };
}

/** What was done to a message, without anything personal: kept with its delivery (F-03). */
export interface Recipe {
  readonly parts: readonly RecipePart[];
  readonly headers: { readonly removed: readonly string[]; readonly added: readonly string[] };
  /** Where the footer stands beside a message that must not be touched. */
  readonly wrapped?: 'before' | 'after';
  /** Line ends were made whole (F-21). */
  readonly normalised?: boolean;
  /** All that is not ASCII was written in quoted-printable or base64, for a server that takes nothing else (F-17). */
  readonly sevenBit?: true;
  /** Bytes of the longest HTML, where it is so long that Gmail may hide its end (F-20). */
  readonly longHtml?: number;
  /** SHA-256 in hex of the message that came in, and of that which went out, unsigned. */
  readonly before: string;
  readonly after: string;
}

/** The recipe of a message that was then written in ASCII alone: its edits are in decoded texts, and hold. */
export function asSevenBit(recipe: Recipe, message: Buffer): Recipe {
  return { ...recipe, sevenBit: true, after: hash('sha256', message, 'hex') };
}

/** Takes the edits back: the decoded text that came in. */
export function undoEdits(content: Buffer, edits: readonly RecipeEdit[]): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { offset, length, removed = '' } of edits) {
    pieces.push(content.subarray(at, offset), Buffer.from(removed, 'latin1'));
    at = offset + length;
  }
  return Buffer.concat([...pieces, content.subarray(at)]);
}

/** A change to bytes: `remove` of them at `at` give way to `bytes`. */
export interface Splice {
  readonly at: number;
  readonly remove: number;
  readonly bytes: Buffer;
}

/** Bytes with changes at ascending, separate places. */
export function splice(content: Buffer, splices: readonly Splice[]): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const one of splices) {
    pieces.push(content.subarray(at, one.at), one.bytes);
    at = one.at + one.remove;
  }
  return Buffer.concat([...pieces, content.subarray(at)]);
}

/** The recipe of splices on a content. */
export function editsOf(content: Buffer, splices: readonly Splice[]): RecipeEdit[] {
  let shift = 0;
  return splices.map(({ at, remove, bytes }) => {
    const offset = at + shift;
    shift += bytes.length - remove;
    return {
      ...{ offset, length: bytes.length },
      ...(remove > 0 ? { removed: content.toString('latin1', at, at + remove) } : {}),
    };
  });
}

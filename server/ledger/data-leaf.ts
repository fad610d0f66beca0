import { createHash } from 'node:crypto';

/** Leaf by which a log says which key signs next; it stands in the tree under the key before (P-25). */
export function keyLeaf(vkey: string): string {
  return `consentlog/v1 key\n${vkey}\n`;
}

/** Leaf with which a log begins its new name after its database was lost in part: it names the last signed head of before (P-21). */
export function configLeaf(oldTip: string): string {
  return `consentlog/v1 config\n${createHash('sha256').update(oldTip).digest('hex')}\n`;
}

/** Is this one of the leaves that belong to no event? */
export function isDataLeaf(data: string): boolean {
  return /^consentlog\/v1 (key\n[^\n]+|config\n[0-9a-f]{64})\n$/.test(data);
}

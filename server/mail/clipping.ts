/** In bytes. Gmail hides HTML beyond about 102 kB, the footer at its end included: from here on it is warned of (F-20). */
export const CLIPPED_BYTES = 90_000;

/** Why HTML of that size is warned of, in English; null: it is short. */
export function whyClipped(htmlBytes: number): string | null {
  if (htmlBytes <= CLIPPED_BYTES) return null;
  const kB = Math.round(htmlBytes / 1_000);
  return `Its HTML has ${kB} kB with the footer: Gmail hides what lies beyond about 102 kB, and the footer with it.`;
}

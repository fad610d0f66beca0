/** How many bytes pictures have together. */
export function bytesOf(pictures: readonly { readonly bytes: number }[]): number {
  return pictures.reduce((sum, { bytes }) => sum + bytes, 0);
}

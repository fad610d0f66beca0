import type { Context } from '../context.js';
export async function firstRunLink(_c: Context): Promise<string | null> {
  return Promise.resolve(null);
}

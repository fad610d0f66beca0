import type { Context } from '../context.js';
export async function fanOut(_c: Context): Promise<number> {
  return Promise.resolve(0);
}

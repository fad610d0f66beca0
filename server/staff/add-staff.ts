import type { Context } from '../context.js';
export async function addStaff(_ctx: Context, _input: { email: string; role: string }): Promise<{ password: string }> {
  return Promise.resolve({ password: '' });
}

import type { Builder } from '../delivery/deliver.js';
export const campaignBuilder: Builder = async (_c, d) =>
  Promise.resolve(d.map((delivery) => ({ delivery, cannot: 'x' })));

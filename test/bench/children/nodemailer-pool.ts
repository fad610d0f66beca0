import nodemailer from 'nodemailer';
import { answerCalls } from '../child.js';

// Baseline (c): nodemailer's pool with its own DKIM.

interface Order {
  readonly port: number;
  readonly count: number;
  readonly html: string;
  readonly text: string;
  /** PEM. */
  readonly privateKey: string;
}

/** So many are handed to the pool at a time: enough that none of its connections waits. */
const AHEAD = 50;

answerCalls({
  send: async (order: Order) => {
    const pool = nodemailer.createTransport({
      pool: true,
      maxConnections: 5,
      maxMessages: Infinity,
      host: '127.0.0.1',
      port: order.port,
      ignoreTLS: true,
      dkim: { domainName: 'bookshop.example', keySelector: 'bench', privateKey: order.privateKey },
    });
    let next = 0;
    const started = performance.now();
    const send = async (): Promise<void> => {
      while (next < order.count) {
        next += 1;
        await pool.sendMail({
          from: '"Wisła Bookshop" <letters@bookshop.example>',
          to: `reader-${next}@subscribers.example`,
          subject: 'New books in May',
          html: order.html,
          text: order.text,
          headers: {
            'List-Unsubscribe': `<https://bookshop.example/u/${next}>`,
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          },
        });
      }
    };
    await Promise.all(Array.from({ length: AHEAD }, send));
    const ms = performance.now() - started;
    pool.close();
    return ms;
  },
});

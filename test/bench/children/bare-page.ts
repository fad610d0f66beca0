import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Handlebars from 'handlebars';
import helmet from 'helmet';
import { answerCalls } from '../child.js';

// Baseline (a): what Express, helmet and Handlebars cost with nothing behind them. The page is as long as ours.

const template = Handlebars.compile(`<!doctype html>
<html lang="{{language}}">
<head><meta charset="utf-8"><title>{{title}}</title><link rel="stylesheet" href="/style.css"></head>
<body><h1>{{title}}</h1>
{{#each rows}}<p><label><input type="radio" name="choice" value="{{value}}"{{#if checked}} checked{{/if}}> {{label}}</label></p>
{{/each}}<p>{{filler}}</p></body>
</html>
`);

answerCalls({
  listen: async ({ bytes }: { bytes: number }) => {
    const data = {
      language: 'en',
      title: 'Settings',
      rows: ['all', 'weekly', 'monthly', 'pause', 'leave'].map((value, place) => ({
        value,
        label: `Choice ${value}`,
        checked: place === 0,
      })),
      filler: '',
    };
    data.filler = 'x'.repeat(Math.max(0, bytes - template(data).length));
    const app = express();
    app.use(helmet());
    app.get('/p/:token', (_req, res) => {
      res.type('html').send(template(data));
    });
    const server = createServer(app);
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
  },
});

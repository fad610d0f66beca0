#!/usr/bin/env node
import { run } from './cli/program.js';

const isServing = process.argv[2] === 'serve';
const code = await run(process.argv.slice(2));
// `serve` goes on by itself; everything else has ended here, open sockets or not.
if (!isServing || code !== 0) process.exit(code);

'use strict';

const { setTimeout: sleep } = require('node:timers/promises');

/** Sends back what came, or does what the path says. */
module.exports = async (event, context) => {
  switch (event.path) {
    case '/fail':
      throw new Error('a detail for the log');
    case '/header':
      return context.headers({ 'X-Bad': 'one\r\ntwo' }).succeed('never');
    case '/nothing':
      return context.status(204).succeed();
    case '/sleep':
      await sleep(Number(event.query.ms));
      return context.succeed('slept');
    case '/status':
      return context.status(Number(event.query.code)).succeed('said');
    default: {
      const seen = [event.method, event.path, event.query.q ?? '', event.headers['x-sent'] ?? ''];
      const type = 'application/octet-stream';
      return context.headers({ 'Content-Type': type, 'X-Seen': seen.join(' ') }).succeed(event.raw);
    }
  }
};

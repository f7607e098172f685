'use strict';

/**
 * Serves the function in the folder beside this one until SIGTERM, and loses no request then.
 *
 * It is on node:http alone. What a framework would add is not needed for one handler, and there
 * is no npm here, so that an image has no packages but those that a function brings itself.
 */

const http = require('node:http');
const net = require('node:net');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { setTimeout: sleep } = require('node:timers/promises');

const { Event, call } = require('./call');
const Failure = require('./failure');
const settingsOfEnvironment = require('./settings');

/** Of a body that is too long this much is read and dropped, as a multiple of the limit. */
const PATIENCE = 16;

/** What the server says, as it knows better. */
const OURS = new Set([
  'connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding', 'upgrade',
]);

/** What a caller learns of an error that the handler did not mean for him. */
const UNTOLD = { code: 500, message: 'the function failed' };

const FUNCTION = path.join(__dirname, '..', 'function');

class Server {
  constructor(settings, handler) {
    this.settings = settings;
    this.handler = handler;
    this.ending = false;
    this.http = http.createServer({
      keepAliveTimeout: 60_000,
      headersTimeout: settings.reading,
      requestTimeout: settings.reading,
      connectionsCheckingInterval: 500,
      noDelay: true,
    });
    this.http.on('request', (request, response) => this.answer(request, response));
    this.http.on('clientError', refuse);
    // Who asks before sending too much need not send it.
    this.http.on('checkContinue', (request, response) => {
      if (lengthOf(request) <= settings.longestBody) {
        response.writeContinue();
      }
      this.answer(request, response);
    });
  }

  listen() {
    this.http.listen({ port: this.settings.port, host: '0.0.0.0', backlog: 4096 }, () => {
      console.log(`running on http://0.0.0.0:${this.http.address().port}`);
    });
  }

  async answer(request, response) {
    // Whoever gave up in the meantime is no error of ours.
    request.on('error', () => {});
    response.on('error', () => {});
    try {
      const { code, headers, body } = await this.result(request, response);
      this.send(request, response, code, headers, body);
    } catch (failed) {
      this.fail(request, response, failed);
    }
  }

  async result(request, response) {
    const where = request.url.split('?')[0];
    if (where === '/_/health' || where === '/_/ready') {
      return empty(where === '/_/ready' && this.ending ? 503 : 200);
    }
    const body = await this.body(request, response);
    return this.limited(call(this.handler, new Event(request, body, this.settings.raw)));
  }

  /** The body; what comes after the limit is dropped, as who still sends reads no answer. */
  async body(request, response) {
    const { longestBody } = this.settings;
    const asksFirst = request.headers.expect !== undefined;
    const patience = longestBody * (asksFirst ? 1 : PATIENCE);
    const chunks = [];
    let length = lengthOf(request);
    if (length <= patience) {
      length = 0;
      // An iterator of its own accord would close the connection when it is left early.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        length += chunk.length;
        if (length > patience) {
          break;
        }
        if (length <= longestBody) {
          chunks.push(chunk);
        }
      }
    }
    if (length <= longestBody) {
      return Buffer.concat(chunks);
    }
    response.shouldKeepAlive = false;
    throw new Failure(413, `the body is longer than ${longestBody} bytes`);
  }

  /** The result, unless it takes too long. A handler cannot be stopped, only no longer awaited. */
  async limited(result) {
    const { executing } = this.settings;
    let timer;
    const late = new Promise((_, reject) => {
      const message = `the function ran for longer than ${executing / 1000} s`;
      timer = executing && setTimeout(() => reject(new Failure(504, message)), executing);
    });
    try {
      return await Promise.race([result, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  send(request, response, code, headers, body) {
    headers.forEach((value, name) => OURS.has(name) || response.setHeader(name, value));
    if (!(code >= 200 && code <= 599)) {
      throw new RangeError(`the handler answered with the status ${code}, which is none`);
    }
    response.statusCode = code;
    if (code !== 204 && code !== 304) {
      response.setHeader('content-length', body.length);
    }
    if (this.ending) {
      response.shouldKeepAlive = false;
    }
    response.setTimeout(this.settings.writing, () => request.socket.destroy());
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  fail(request, response, failed) {
    if (request.destroyed && !request.complete) {
      return;
    }
    const { code, message } = failed instanceof Failure ? failed : UNTOLD;
    if (code >= 500) {
      console.log(failed instanceof Failure ? message : failed);
    }
    response.getHeaderNames().forEach((name) => response.removeHeader(name));
    const body = Buffer.from(JSON.stringify({ error: message }));
    this.send(request, response, code, new Map([['content-type', 'application/json']]), body);
  }

  /** Goes on for a while, asking each client to connect anew, then ends what is under way. */
  async drain() {
    this.ending = true;
    console.log(`Draining: no new connections in ${this.settings.draining / 1000} s`);
    await sleep(this.settings.draining);
    const closed = new Promise((resolve) => {
      // http's own close would cut off who has connected and is about to ask.
      net.Server.prototype.close.call(this.http, resolve);
    });
    await Promise.race([closed, sleep(100)]);
    const tidying = setInterval(() => this.http.closeIdleConnections(), 20);
    await closed;
    clearInterval(tidying);
  }
}

function empty(code) {
  return { code, headers: new Map(), body: Buffer.alloc(0) };
}

function lengthOf(request) {
  return Number(request.headers['content-length'] ?? 0);
}

/** Answers what is not HTTP, too long in its head, or too slow in coming. */
function refuse(error, socket) {
  const codes = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };
  const code = codes[error.code] ?? 400;
  const body = JSON.stringify({ error: http.STATUS_CODES[code] });
  if (socket.writable && !socket.bytesWritten) {
    socket.end(
      `HTTP/1.1 ${code} ${http.STATUS_CODES[code]}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  } else {
    socket.destroy();
  }
}

/** The function that handler.js or handler.mjs exports. */
async function load() {
  const files = ['handler.js', 'handler.mjs'].map((name) => path.join(FUNCTION, name));
  const file = files.find((each) => fs.existsSync(each));
  if (file === undefined) {
    throw new Error('there is no handler.js');
  }
  const { default: handler } = await import(pathToFileURL(file));
  if (typeof handler !== 'function') {
    throw new Error(`${path.basename(file)} exports no function: module.exports = async (event, …`);
  }
  return handler;
}

async function main() {
  const server = new Server(settingsOfEnvironment(), await load());
  process.once('SIGTERM', async () => {
    await server.drain();
    process.exit(0);
  });
  server.listen();
}

main().catch((broken) => {
  console.log(broken);
  console.log(`the function cannot start: ${broken.message}`);
  process.exit(1);
});

'use strict';

/** What a handler gets: the event, and a context to answer with. The names are OpenFaaS's. */

const Failure = require('./failure');

/**
 * A request, as the handler sees it.
 *
 * body is what JSON stands for, a string for other text, and a Buffer for anything else, or for
 * everything with RAW_BODY=true. raw is the body as it came, always a Buffer.
 */
class Event {
  constructor(request, raw, asItCame) {
    const [path, query] = request.url.split(/\?(.*)/s);
    this.method = request.method;
    this.headers = request.headers;
    this.path = path;
    this.query = queryOf(new URLSearchParams(query));
    this.raw = raw;
    this.body = asItCame ? raw : read(raw, request.headers['content-type'] ?? 'text/plain');
  }
}

/** Parameters by name: a string, or an array of those that are given more than once. */
function queryOf(parameters) {
  const query = Object.create(null);
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    query[name] = values.length > 1 ? values : values[0];
  }
  return query;
}

function read(raw, contentType) {
  const type = contentType.split(';')[0].trim().toLowerCase();
  if (type === 'application/json' || type.endsWith('+json')) {
    return raw.length ? json(raw) : {};
  }
  const isText = type.startsWith('text/') || type === 'application/x-www-form-urlencoded';
  return isText ? raw.toString() : raw;
}

function json(raw) {
  try {
    return JSON.parse(raw.toString());
  } catch (wrong) {
    throw new Failure(400, `the body is not JSON: ${wrong.message}`);
  }
}

/** The answer, as the handler builds it. What it returns counts where it calls no method. */
class Context {
  constructor(done) {
    this.done = done;
    this.code = undefined;
    this.fields = {};
  }

  /** Sets the code and returns the context; without one, returns the code. */
  status(code) {
    if (code === undefined) {
      return this.code ?? 200;
    }
    this.code = code;
    return this;
  }

  /** Sets the headers and returns the context; without any, returns them. */
  headers(fields) {
    if (fields === undefined) {
      return this.fields;
    }
    this.fields = fields;
    return this;
  }

  succeed(value) {
    this.done.resolve(value);
  }

  /** Answers with an error; the caller is told a text, and of an Error nothing but that. */
  fail(reason) {
    const told = typeof reason === 'string';
    this.done.reject(told ? new Failure(this.code >= 400 ? this.code : 500, reason) : reason);
  }
}

/**
 * Call the handler and return the code, headers and body of its answer.
 *
 * A handler answers through the context or a callback, or is async and returns a value.
 */
async function call(handler, event) {
  const done = Promise.withResolvers();
  const context = new Context(done);
  const callback = (failed, value) => (failed ? context.fail(failed) : context.succeed(value));
  const returned = handler(event, context, callback);
  if (typeof returned?.then === 'function') {
    returned.then(done.resolve, done.reject);
  }
  const value = await done.promise;
  return { code: context.status(), ...content(value, context.headers()) };
}

function content(value, fields) {
  const headers = new Map(Object.entries(fields).map(([name, text]) => [name.toLowerCase(), text]));
  const isBytes = ArrayBuffer.isView(value);
  const isJson = value !== null && typeof value === 'object' && !isBytes;
  if (!headers.has('content-type')) {
    headers.set('content-type', isJson ? 'application/json' : 'text/plain; charset=utf-8');
  }
  const text = isJson ? JSON.stringify(value) : String(value ?? '');
  return { headers, body: isBytes ? value : Buffer.from(text) };
}

module.exports = { Event, call };

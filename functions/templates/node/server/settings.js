'use strict';

/** What the environment says about how to serve. Durations are in milliseconds. */

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/** A duration as Go writes it, such as 1m30s; a plain number means seconds. */
function duration(name, otherwise) {
  const value = process.env[name] || otherwise;
  const text = /^\d+(\.\d+)?$/.test(value) ? `${value}s` : value;
  const parts = [...text.matchAll(PART)];
  if (!text || parts.map(([part]) => part).join('') !== text) {
    throw new Error(`${name}=${value} is no duration; say 60s`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);
}

function number(name, otherwise) {
  const value = process.env[name] || otherwise;
  if (!/^\d+$/.test(value)) {
    throw new Error(`${name}=${value} is no number`);
  }
  return Number(value);
}

module.exports = () => ({
  port: number('PORT', '8080'),
  longestBody: number('MAX_BODY_BYTES', '1048576'),
  draining: duration('DRAIN_SECONDS', '1'),
  executing: duration('exec_timeout', '10s'),
  reading: duration('read_timeout', '10s'),
  writing: duration('write_timeout', '10s'),
  raw: process.env.RAW_BODY === 'true',
});

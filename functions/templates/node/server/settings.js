'use strict';

/** What the environment says about how to serve. Durations are in milliseconds. */

const UNITS = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const NUMBER = '(\\d+\\.?\\d*|\\.\\d+)';
const PART = new RegExp(`${NUMBER}(ns|us|µs|ms|s|m|h)`, 'gy');

/** A duration as Go writes it, such as 1m30s; a plain number means seconds, 0 no limit. */
function duration(name, otherwise) {
  const value = process.env[name] || otherwise;
  const text = new RegExp(`^${NUMBER}$`).test(value) ? `${value}s` : value;
  const parts = [...text.matchAll(PART)];
  if (parts.map(([part]) => part).join('') !== text) {
    throw new Error(`${name}=${value} is no duration; say 60s`);
  }
  const milliseconds = parts.reduce((sum, [, number, unit]) => sum + number * UNITS[unit], 0);
  // A timer with more, 25 days, would run out at once.
  return Math.min(milliseconds, 2 ** 31 - 1);
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

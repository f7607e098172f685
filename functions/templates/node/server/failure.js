'use strict';

/** A request that is answered with an error: its code, and what the caller is told. */
module.exports = class Failure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
};

'use strict';

/** Says what it received. */
module.exports = async (event, context) => {
  let input;
  try {
    input = JSON.parse(event.raw);
  } catch {
    return context.status(400).succeed({ error: 'the body is not JSON' });
  }
  return context
    .status(200)
    .succeed({ status: `Received input: ${JSON.stringify(input)}` });
};

import { speed } from "./format.js";
import { language, say } from "./language.js";

const DEGREES = { N: 0, NE: 45, E: 90, SE: 135, S: 180, SO: 225, O: 270, NO: 315 };

/** By how much an arrow that points down is turned, to point where the wind goes; or null. */
export function turn(direction) {
  return Object.hasOwn(DEGREES, direction) ? DEGREES[direction] : null;
}

/**
 * A wind in words: how fast it is, or that it is calm; and where it comes from. Null where nothing
 * is said. A direction that is not known stays as it is, as Spanish.
 */
export function wind(direction, velocity) {
  const winds = say("winds");
  if (direction === "C" && !velocity) return { fast: winds.C, from: "", lang: language() };
  const known = Object.hasOwn(winds, direction);
  return {
    fast: speed(velocity),
    from: known ? winds[direction] : direction,
    lang: known ? language() : "es",
  };
}

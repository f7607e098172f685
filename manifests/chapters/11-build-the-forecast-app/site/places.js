/**
 * The forecasts of an answer in the shape that the page shows. What is missing or of another kind
 * than it should be becomes null or empty, so that nothing after this has to ask.
 *
 * @returns {?object[]} null if the answer is no list.
 */
export function readPlaces(answer) {
  return Array.isArray(answer) ? answer.filter(isObject).map(readPlace) : null;
}

function readPlace(said, index) {
  return {
    id: text(said.aemetid) || `place ${index}`,
    name: text(said.name),
    province: text(said.state),
    update: text(said.update),
    days: Array.isArray(said.prediccion) ? said.prediccion.map(readDay) : [],
  };
}

function readDay(said) {
  return {
    date: text(said?.date),
    sky: text(said?.estado_cielo),
    rain: number(said?.prob_precipitacion),
    direction: text(said?.viento?.direccion),
    velocity: number(said?.viento?.velocidad),
    high: number(said?.temperatura?.max),
    low: number(said?.temperatura?.min),
  };
}

function isObject(value) {
  return value !== null && typeof value === "object";
}

function text(value) {
  return typeof value === "string" ? value.trim() : "";
}

function number(value) {
  return Number.isFinite(value) ? value : null;
}

/** The names of the places that differ from what was shown, and of those that are gone. */
export function compare(before, after) {
  const known = new Map(before.map((each) => [each.id, JSON.stringify(each)]));
  const kept = new Set(after.map((each) => each.id));
  return {
    changed: after.filter((each) => known.get(each.id) !== JSON.stringify(each)).map(named),
    gone: before.filter((each) => !kept.has(each.id)).map(named),
  };
}

/** How many places have a forecast that was made later, or are new. */
export function newer(before, after) {
  const known = new Map(before.map((each) => [each.id, each.update]));
  return after.filter((each) => each.update > (known.get(each.id) ?? "")).length;
}

function named(place) {
  return place.name || place.id;
}

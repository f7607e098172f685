import { language } from "./language.js";
import { svg } from "./view.js";

/** AEMET's words for the sky: in English, and the parts of `icons.svg` that draw them. */
const SKIES = {
  "despejado": ["Clear", "sun"],
  "poco nuboso": ["Mostly clear", "sun-behind small-cloud"],
  "intervalos nubosos": ["Cloudy intervals", "sun-behind cloud"],
  "nuboso": ["Cloudy", "cloud"],
  "muy nuboso": ["Very cloudy", "cloud-behind cloud"],
  "cubierto": ["Overcast", "cloud-behind dark-cloud"],
  "nubes altas": ["High clouds", "sun-behind wisps"],
  "bruma": ["Mist", "sun-behind mist"],
  "niebla": ["Fog", "fog"],
  "calima": ["Haze", "sun-behind haze"],
};
const FALLING = {
  "": ["", ""],
  "lluvia": [" with rain", "rain"],
  "lluvia escasa": [" with light rain", "drizzle"],
  "nieve": [" with snow", "snow"],
  "nieve escasa": [" with light snow", "flurry"],
  "tormenta": [" with thunderstorms", "bolt"],
  "tormenta y lluvia escasa": [" with thunderstorms and light rain", "bolt drizzle"],
};

/**
 * What the sky looks like.
 *
 * @param {string} spanish AEMET's words; others are kept, as Spanish.
 * @returns {{text: ?string, lang: string, parts: string}} `parts` are those of the picture.
 */
export function sky(spanish) {
  const [over, falling = ""] = spanish.toLowerCase().split(/ con (.*)/s);
  const known = Object.hasOwn(SKIES, over) && Object.hasOwn(FALLING, falling);
  if (!known) return { text: spanish || null, lang: "es", parts: "unknown" };
  const [words, picture] = SKIES[over];
  const [more, drops] = FALLING[falling];
  const text = language() === "es" ? spanish : words + more;
  return { text, lang: language(), parts: `${picture} ${drops}`.trim() };
}

/** Draw the parts of a picture, unless they are what is drawn. */
export function draw(picture, parts) {
  if (picture.dataset.parts === parts) return;
  picture.dataset.parts = parts;
  const uses = parts.split(" ").map((part) => svg("use", { href: `icons.svg#${part}` }));
  picture.replaceChildren(...uses);
}

import { locale } from "./language.js";

const SPAIN = "Europe/Madrid";
const DAY = 24 * 60 * 60 * 1000;
const formats = new Map();

/** Formats are dear to make and asked for every few seconds: each is made once. */
function format(kind, options, where = locale()) {
  const key = JSON.stringify([kind, options, where]);
  if (!formats.has(key)) formats.set(key, new Intl[kind](where, options));
  return formats.get(key);
}

const number = (unit) => (value) =>
  value === null ? null : format("NumberFormat", { style: "unit", unit }).format(value);

/** A number with its unit as the language writes it; null stays null. */
export const percent = number("percent");
export const celsius = number("celsius");
export const speed = number("kilometer-per-hour");

/** A day such as 2026-11-23 as weekday and date, null where it is none. */
export function dayNames(day) {
  const at = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return null;
  const named = (options) => format("DateTimeFormat", { ...options, timeZone: "UTC" }).format(at);
  return { weekday: named({ weekday: "long" }), date: named({ day: "numeric", month: "long" }) };
}

/** The moment that Spain's clocks show as this text, null where it is no time. */
export function spanishTime(text) {
  const shown = Date.parse(`${text}Z`);
  if (Number.isNaN(shown)) return null;
  // The difference depends on the moment itself: the second guess is right around a switch, too.
  const guess = shown - ahead(shown);
  return new Date(shown - ahead(guess));
}

/** By how much Spain's clocks are ahead of UTC, in milliseconds. */
function ahead(moment) {
  const options = { timeZone: SPAIN, dateStyle: "short", timeStyle: "medium" };
  // Swedish writes dates as ISO does.
  const shown = format("DateTimeFormat", options, "sv-SE").format(moment);
  return Date.parse(`${shown.replace(" ", "T")}Z`) - Math.floor(moment / 1000) * 1000;
}

/** A moment in Spain's time, as words for the time and for the day. */
export function moment(at) {
  const named = (options) => format("DateTimeFormat", { ...options, timeZone: SPAIN }).format(at);
  return {
    time: named({ hour: "2-digit", minute: "2-digit" }),
    day: named({ weekday: "long", day: "numeric", month: "long" }),
  };
}

/** How long ago a moment was, in words; empty for what is yet to come. */
export function ago(at, now = Date.now()) {
  const minutes = Math.floor((now - at) / 60000);
  if (minutes < 0) return "";
  // Nought is "now", but a day is not "yesterday": that would depend on the hour.
  if (minutes === 0) return format("RelativeTimeFormat", { numeric: "auto" }).format(0, "second");
  const words = format("RelativeTimeFormat", { numeric: "always" });
  if (minutes < 60) return words.format(-minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? words.format(-hours, "hour") : words.format(-Math.floor(hours / 24), "day");
}

/** The time on the clock of whoever looks, to the second. */
export function clock(at) {
  return format("DateTimeFormat", { timeStyle: "medium" }).format(at);
}

/** The day that it is in Spain, as 2026-11-23. */
export function today(now = Date.now()) {
  return format("DateTimeFormat", { timeZone: SPAIN, dateStyle: "short" }, "sv-SE").format(now);
}

/** Whether a forecast was made more than a day ago, or ends before today. */
export function isOld(place, now = Date.now()) {
  const at = spanishTime(place.update);
  const last = place.days.at(-1)?.date;
  return (at !== null && now - at > DAY) || (Boolean(last) && last < today(now));
}

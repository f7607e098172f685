import { ago, celsius, dayNames, isOld, moment, percent, spanishTime, today } from "./format.js";
import { say } from "./language.js";
import { draw, sky } from "./sky.js";
import { make, setAttribute, setHidden, setText, setValue, svg } from "./view.js";
import { turn, wind } from "./wind.js";

/** The forecast of one place. */
export class PlaceCard extends HTMLElement {
  days = [];
  name = make("h2");
  province = make("p", { class: "province muted" });
  update = make("time");
  old = make("p", { class: "old", "data-testid": "old" });
  list = make("ol", { class: "days", role: "list" });

  article = make("article", { class: "card", "data-testid": "place" },
    make("header", {}, this.name, this.province), this.list,
    make("p", { class: "update muted", "data-testid": "update" }, this.update), this.old);

  connectedCallback() {
    this.append(this.article);
  }

  /** Show a place's forecast, as `readPlaces` makes it. */
  show(place) {
    setAttribute(this.name, "id", `place-${place.id.replace(/\W/g, "-")}`);
    setAttribute(this.article, "data-place", place.id);
    setAttribute(this.article, "aria-labelledby", this.name.id);
    setValue(this.name, place.name || null, "es");
    setValue(this.province, place.province || null, "es");
    this.showUpdate(spanishTime(place.update));
    setHidden(this.old, !isOld(place));
    setText(this.old, say("old"));
    setHidden(this.list, place.days.length === 0);
    while (this.days.length > place.days.length) this.days.pop().remove();
    while (this.days.length < place.days.length) this.addDay();
    place.days.forEach((day, index) => showDay(this.days[index].parts, day));
  }

  addDay() {
    const { item, parts } = buildDay();
    this.list.append(item);
    this.days.push({ parts, remove: () => item.remove() });
  }

  showUpdate(at) {
    setAttribute(this.update, "datetime", at?.toISOString() ?? null);
    setText(this.update, at ? say("made", moment(at), ago(at)) : say("madeUnknown"));
  }
}

customElements.define("place-card", PlaceCard);

/** A day's elements, empty. */
function buildDay() {
  const parts = {
    weekday: make("span", { class: "weekday" }),
    date: make("span", { class: "date muted" }),
    today: make("span", { class: "today" }),
    picture: svg("svg", { class: "sky", viewBox: "0 0 64 64", "aria-hidden": "true" }),
    sky: make("p", { class: "words" }),
    arrow: svg("use", { href: "icons.svg#arrow" }),
    from: make("span", { class: "from muted" }),
    level: svg("rect", { class: "level", width: "0", height: "4", rx: "2" }),
  };
  const heading = make("h3", {}, parts.weekday, " ", parts.today, " ", parts.date);
  const content = [heading, parts.picture, parts.sky, facts(parts)];
  const item = make("li", { "data-testid": "day" }, ...content);
  return { item, parts };
}

function facts(parts) {
  const track = svg("rect", { class: "track", width: "100%", height: "4", rx: "2" });
  const gauge = svg("svg", { class: "gauge", "aria-hidden": "true" }, track, parts.level);
  const arrow = svg("svg", { class: "arrow", viewBox: "0 0 24 24", "aria-hidden": "true" },
    parts.arrow);
  return make("dl", {}, fact(parts, "high"), fact(parts, "low"), fact(parts, "rain", [], [gauge]),
    fact(parts, "wind", [arrow], [" ", parts.from]));
}

function fact(parts, name, before = [], after = []) {
  parts[`${name}Label`] = make("dt", { class: "muted" });
  parts[name] = make("span");
  const value = make("dd", {}, ...before, parts[name], ...after);
  return make("div", { class: name }, parts[`${name}Label`], value);
}

function showDay(parts, day) {
  const names = dayNames(day.date);
  setValue(parts.weekday, names?.weekday ?? null);
  setText(parts.date, names?.date ?? "");
  setText(parts.today, say("today"));
  setHidden(parts.today, day.date !== today());
  const seen = sky(day.sky);
  draw(parts.picture, seen.parts);
  setValue(parts.sky, seen.text, seen.lang);
  for (const name of ["high", "low", "rain", "wind"]) setText(parts[`${name}Label`], say(name));
  setValue(parts.high, celsius(day.high));
  setValue(parts.low, celsius(day.low));
  setValue(parts.rain, percent(day.rain));
  const { fast, from, lang } = wind(day.direction, day.velocity);
  setValue(parts.wind, fast);
  setValue(parts.from, from, lang);
  setAttribute(parts.level, "width", `${Math.min(Math.max(day.rain ?? 0, 0), 100)}%`);
  showArrow(parts.arrow, turn(day.direction));
}

function showArrow(arrow, degrees) {
  setAttribute(arrow, "transform", `rotate(${degrees ?? 0} 12 12)`);
  setAttribute(arrow, "visibility", degrees === null ? "hidden" : null);
}

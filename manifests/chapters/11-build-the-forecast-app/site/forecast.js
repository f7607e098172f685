import { getForecast } from "./api.js";
import { compare } from "./places.js";

const EVERY = 5000;
const LONGEST = 30000;

/**
 * The forecasts, asked for again and again. Says `change` after every try, since what is shown
 * tells the time, and `news` when a forecast is another one than before.
 */
class Forecast extends EventTarget {
  places = null;
  source = "";
  failure = null;
  askedAt = null;
  triedAt = null;
  #failures = 0;
  #asking = null;
  #timer = null;

  get state() {
    if (this.failure) return this.places ? "stale" : "error";
    if (!this.places) return "loading";
    return this.places.length ? "ready" : "empty";
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#wake());
    window.addEventListener("online", () => this.refresh());
    window.addEventListener("offline", () => this.refresh());
    this.refresh();
  }

  /** Ask now. Whoever asks meanwhile gets the same answer: there is one request at a time. */
  refresh() {
    clearTimeout(this.#timer);
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
      this.#plan();
    });
    return this.#asking;
  }

  async #ask() {
    const before = this.places;
    try {
      Object.assign(this, await getForecast(), { failure: null, askedAt: Date.now() });
      this.#failures = 0;
    } catch (failure) {
      this.failure = failure;
      this.#failures += 1;
    }
    this.triedAt = Date.now();
    this.dispatchEvent(new Event("change"));
    if (before && !this.failure) this.#tell(compare(before, this.places));
  }

  #tell(detail) {
    if (detail.changed.length + detail.gone.length === 0) return;
    this.dispatchEvent(new CustomEvent("news", { detail }));
  }

  #plan() {
    if (document.hidden) return;
    const pause = this.#failures ? Math.min(1000 * 2 ** this.#failures, LONGEST) : EVERY;
    this.#timer = setTimeout(() => this.refresh(), pause);
  }

  #wake() {
    if (document.hidden) clearTimeout(this.#timer);
    else this.refresh();
  }
}

export const forecast = new Forecast();

import { account } from "./account.js";
import { reload } from "./api.js";
import { forecast } from "./forecast.js";
import { language, say } from "./language.js";
import { newer } from "./places.js";
import { seen } from "./status-banner.js";
import { View, make, setAttribute, setHidden, setText } from "./view.js";

const WAIT = 10000;
const EVERY = 500;

/** An admin's button that has the forecasts fetched, and what came of it. */
customElements.define("reload-control", class extends View {
  listensTo = [account];
  result = { phase: "none" };

  build() {
    this.button = make("button", {
      type: "button", class: "button primary", "data-testid": "reload",
    });
    this.button.addEventListener("click", () => this.busy || this.reload());
    this.said = make("div", { class: "result", role: "status", "data-testid": "reload-result" });
    this.append(this.button, this.said);
  }

  get busy() {
    return ["asking", "waiting"].includes(this.result.phase);
  }

  async reload() {
    const before = forecast.places ?? [];
    this.become({ phase: "asking" });
    try {
      const done = await reload();
      if (done.stored) this.become({ ...done, phase: "waiting" });
      const came = done.stored && (await awaitNewer(before, done.stored));
      this.become({ ...done, phase: "done", came });
    } catch (failure) {
      this.become({ phase: "failed", failure });
    }
  }

  become(result) {
    this.result = result;
    this.show();
  }

  show() {
    setHidden(this.button, !account.isAdmin);
    // Not `disabled`: the button would lose the focus.
    setAttribute(this.button, "aria-disabled", String(this.busy));
    setText(this.button, say(this.busy ? "reloading" : "reload"));
    this.said.dataset.phase = this.result.phase;
    // Made anew only for another result: a link in it may have the focus.
    if (this.shown === this.result && this.said.lang === language()) return;
    this.shown = this.result;
    this.said.lang = language();
    this.said.replaceChildren(...told(this.result));
  }
});

/** How many places have a newer forecast, as soon as so many have, or when the time is over. */
async function awaitNewer(before, wanted) {
  const end = performance.now() + WAIT;
  let came = 0;
  while (came < wanted && performance.now() < end) {
    await forecast.refresh();
    came = newer(before, forecast.places ?? []);
    if (came < wanted) await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
  return came;
}

/** The paragraphs that tell a result. */
function told(result) {
  if (result.phase === "none") return [];
  if (result.phase === "asking") return [make("p", {}, say("asking"))];
  if (result.phase === "failed") return [make("p", {}, ...why(result.failure))];
  const sentences = [say("stored", result.stored), next(result)];
  const failed = result.failed.map(({ id, reason }) => make("li", {}, `${nameOf(id)}: `,
    make("span", { lang: "en" }, reason || "–")));
  const list = failed.length ? [make("p", {}, say("notStored")), make("ul", {}, ...failed)] : [];
  return [make("p", {}, sentences.filter(Boolean).join(" ")), ...list];
}

function next({ phase, stored, came }) {
  if (phase === "waiting") return say("waiting");
  return stored ? say(came ? "newer" : "nothingNewer") : "";
}

function why(failure) {
  if (failure.status === 401) {
    return [`${say("signedOut")} `, make("a", { href: "oauth2/start?rd=/" }, say("signInAgain"))];
  }
  if (failure.status === 403) return [say("onlyAdmins")];
  return [[say("reloadFailed"), `${say(failure.kind)}.`, seen(failure)].filter(Boolean).join(" ")];
}

/** Functions know places by number. */
function nameOf(id) {
  return forecast.places?.find((each) => each.id === id)?.name || id;
}

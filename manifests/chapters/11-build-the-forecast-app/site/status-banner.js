import { forecast } from "./forecast.js";
import { clock } from "./format.js";
import { say } from "./language.js";
import { View, make, setAttribute, setHidden, setText } from "./view.js";

/** How things stand. What is announced changes with the state only, not with each try. */
customElements.define("status-banner", class extends View {
  listensTo = [forecast];

  build() {
    this.dataset.testid = "status";
    this.headline = make("strong");
    this.more = make("span");
    const said = make("p", { role: "status" }, this.headline, " ", this.more);
    this.tried = make("small", { class: "tried" });
    this.button = make("button", { type: "button", class: "button", "data-testid": "try-again" });
    this.button.addEventListener("click", () => forecast.refresh());
    this.append(said, this.tried, this.button);
  }

  show() {
    const { state, failure, places, triedAt } = forecast;
    setAttribute(this, "data-state", state);
    setText(this.headline, failure ? `${say(failure.kind)}.` : say(state, places?.length));
    setText(this.more, this.explanation());
    setText(this.tried, failure ? say("tried", clock(triedAt)) : "");
    setText(this.button, say("tryAgain"));
    // A button that goes away must not take the focus with it to nowhere.
    if (!failure && document.activeElement === this.button) document.getElementById("main").focus();
    for (const each of [this.tried, this.button]) setHidden(each, !failure);
  }

  explanation() {
    const { state, failure, places, askedAt } = forecast;
    if (state === "empty") return say("emptyWhy");
    if (!failure) return "";
    const kept = places?.length ? say("kept", clock(askedAt)) : "";
    return [seen(failure), say("triesAgain"), kept].filter(Boolean).join(" ");
  }
});

/** What was seen of a failure, in a sentence. */
export function seen({ kind, status, reason }) {
  if (kind === "offline") return "";
  if (status === null) return say("seen", say(reason === "late" ? "noAnswerInTime" : "noAnswer"));
  return say("seen", reason ? `HTTP ${status}, “${reason}”` : `HTTP ${status}`);
}

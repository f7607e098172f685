import { account } from "./account.js";
import { forecast } from "./forecast.js";
import { languages, language, say } from "./language.js";
import { setText } from "./view.js";
import "./account-bar.js";
import "./forecast-list.js";
import "./forecast-source.js";
import "./language-switch.js";
import "./reload-control.js";
import "./status-banner.js";

/** The texts that are in the page itself. */
function translatePage() {
  document.documentElement.lang = language();
  document.title = say("title");
  for (const node of document.querySelectorAll("[data-text]")) {
    setText(node, say(node.dataset.text));
  }
}

/** Only what is new is announced: a poll that changes nothing stays silent. */
function announce({ detail: { changed, gone } }) {
  const said = [changed.length && say("changed", changed), gone.length && say("gone", gone)];
  document.getElementById("news").textContent = said.filter(Boolean).join(" ");
}

languages.addEventListener("change", translatePage);
forecast.addEventListener("news", announce);
translatePage();
forecast.start();
account.start();

import { LANGUAGES, choose, language, say } from "./language.js";
import { View, make, setAttribute } from "./view.js";

customElements.define("language-switch", class extends View {
  build() {
    this.dataset.testid = "language";
    this.setAttribute("role", "group");
    for (const [code, name] of Object.entries(LANGUAGES)) {
      const button = make("button", { type: "button", lang: code, "data-language": code }, name);
      button.addEventListener("click", () => choose(code));
      this.append(button);
    }
  }

  show() {
    setAttribute(this, "aria-label", say("language"));
    for (const button of this.children) {
      setAttribute(button, "aria-pressed", String(button.lang === language()));
    }
  }
});

import { forecast } from "./forecast.js";
import { say } from "./language.js";
import { View, make, setAttribute, setHidden, setText } from "./view.js";

/** Where the forecasts are from: invented ones must not be taken for AEMET's. */
customElements.define("forecast-source", class extends View {
  listensTo = [forecast];

  build() {
    this.line = make("p", { class: "source", "data-testid": "source" });
    this.append(this.line);
  }

  show() {
    const { source, places } = forecast;
    setHidden(this.line, !places);
    setAttribute(this.line, "data-source", source);
    setText(this.line, this.text(source));
  }

  text(source) {
    if (source === "simulated") return say("invented");
    return source === "aemet" ? `${say("aemet")} · ${say("copyright")}` : say("sourceUnknown");
  }
});

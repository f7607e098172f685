import { forecast } from "./forecast.js";
import { PlaceCard } from "./place-card.js";
import { View, make, setAttribute } from "./view.js";

const SKELETONS = 2;

customElements.define("forecast-list", class extends View {
  listensTo = [forecast];
  cards = new Map();

  build() {
    const bones = () => make("div", { class: "card skeleton", "aria-hidden": "true" });
    this.skeletons = Array.from({ length: SKELETONS }, bones);
    this.append(...this.skeletons);
  }

  show() {
    const { state, places } = forecast;
    setAttribute(this, "aria-busy", String(state === "loading"));
    setAttribute(this, "data-state", state);
    if (state === "loading") return;
    for (const each of this.skeletons) each.remove();
    if (places) this.showPlaces(places);
  }

  /** Cards stay the elements they are, and are only moved where the order is another. */
  showPlaces(places) {
    const ids = new Set(places.map((each) => each.id));
    for (const [id, card] of this.cards) {
      if (ids.has(id)) continue;
      card.remove();
      this.cards.delete(id);
    }
    places.forEach((place, index) => {
      const card = this.card(place.id);
      card.show(place);
      if (this.children[index] !== card) this.insertBefore(card, this.children[index] ?? null);
    });
  }

  card(id) {
    if (!this.cards.has(id)) this.cards.set(id, new PlaceCard());
    return this.cards.get(id);
  }
});

import { account } from "./account.js";
import { say } from "./language.js";
import { View, make, setHidden, setText } from "./view.js";

customElements.define("account-bar", class extends View {
  listensTo = [account];

  build() {
    this.dataset.testid = "account";
    this.away = make("span", { class: "muted", role: "status" });
    this.name = make("strong", { class: "user" });
    this.signIn = make("a", {
      class: "button primary", href: "oauth2/start?rd=/", "data-testid": "sign-in",
    });
    this.signOut = make("a", {
      class: "button", href: "oauth2/sign_out?rd=/", "data-testid": "sign-out",
    });
    this.append(this.away, this.name, this.signIn, this.signOut);
  }

  show() {
    const signedIn = account.state === "signed-in";
    this.dataset.state = account.state;
    setText(this.away, account.state === "away" ? say("accountAway") : "");
    setText(this.name, account.name);
    setText(this.signIn, say("signIn"));
    setText(this.signOut, say("signOut"));
    for (const each of [this.name, this.signOut]) setHidden(each, !signedIn);
    setHidden(this.signIn, account.state !== "signed-out");
  }
});

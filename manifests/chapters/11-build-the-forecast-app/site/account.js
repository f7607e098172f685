import { getAccount } from "./api.js";

const EVERY = 30000;

/** Who is signed in. `state` is unknown, signed-out, signed-in or away; says `change`. */
class Account extends EventTarget {
  state = "unknown";
  name = "";
  isAdmin = false;
  #checking = null;

  start() {
    // Another tab may have signed out, or the session may have ended.
    document.addEventListener("visibilitychange", () => this.#check());
    // Once the identity server is back, nobody has to reload the page to sign in.
    setInterval(() => this.state === "away" && this.#check(), EVERY);
    this.#check();
  }

  #check() {
    if (document.hidden && this.state !== "unknown") return;
    this.#checking ??= this.#ask().finally(() => (this.#checking = null));
  }

  async #ask() {
    try {
      const found = await getAccount();
      this.state = found ? "signed-in" : "signed-out";
      Object.assign(this, found ?? { name: "", isAdmin: false });
    } catch {
      Object.assign(this, { state: "away", name: "", isAdmin: false });
    }
    this.dispatchEvent(new Event("change"));
  }
}

export const account = new Account();

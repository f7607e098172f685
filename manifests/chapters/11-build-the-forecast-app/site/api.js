import { readPlaces } from "./places.js";

const MILLISECONDS = 8000;
/** A reload waits for AEMET: the function itself may take 20 s. */
const RELOAD_MILLISECONDS = 25000;

/** Why there is no good answer: `kind` names a text, `status` and `reason` are what was seen. */
export class Failure extends Error {
  constructor(kind, { status = null, reason = null } = {}) {
    super(`${kind} ${status ?? ""}`);
    Object.assign(this, { kind, status, reason });
  }
}

/** The forecasts that are kept, and where they are from. */
export async function getForecast() {
  const answer = await ask("api/get-forecast");
  if (answer.status === 503 && answer.error) throw failure("database", answer);
  if (answer.status !== 200) throw failure(blamed(answer), answer);
  const places = readPlaces(answer.body);
  if (!places) throw failure("nonsense", answer);
  return { places, source: answer.headers.get("X-Forecast-Source") ?? "" };
}

/** Who is signed in, or null. */
export async function getAccount() {
  const answer = await ask("oauth2/userinfo");
  if (answer.status === 401) return null;
  const said = answer.body;
  if (answer.status !== 200 || said === null || typeof said !== "object") {
    throw failure("server", answer);
  }
  const name = [said.preferredUsername, said.email, said.user].find(isText) ?? "–";
  const groups = Array.isArray(said.groups) ? said.groups : [];
  return { name, isAdmin: groups.includes("role:admin") };
}

/** Have the forecasts fetched again: the places that were stored, and why others were not. */
export async function reload() {
  const answer = await ask("api/reload-forecast", {
    method: "POST", milliseconds: RELOAD_MILLISECONDS,
  });
  const { status, body, error } = answer;
  const told = (status === 200 || status === 502) && isObject(body) && !error;
  if (!told) throw failure(blamed(answer), answer);
  const entries = Object.entries(body);
  const failed = entries.filter(([, done]) => !isText(done));
  return {
    stored: entries.length - failed.length,
    failed: failed.map(([id, done]) => ({ id, reason: String(done?.error ?? "") })),
  };
}

async function ask(path, { method = "GET", milliseconds = MILLISECONDS } = {}) {
  try {
    const signal = AbortSignal.timeout(milliseconds);
    // A redirect leads to a page that signs in, and that is as good as "not signed in".
    const answer = await fetch(path, { method, signal, cache: "no-store", redirect: "manual" });
    const status = answer.type === "opaqueredirect" ? 401 : answer.status;
    const body = parsed(await answer.text());
    return { status, headers: answer.headers, body, error: isText(body?.error) && body.error };
  } catch (wrong) {
    // A cluster on this machine answers without a network: only a failure makes it the reason.
    if (!navigator.onLine) throw new Failure("offline");
    throw new Failure("server", { reason: wrong.name === "TimeoutError" ? "late" : null });
  }
}

function failure(kind, { status, error }) {
  return new Failure(kind, { status, reason: error || null });
}

/** A gateway says 502 to 504 for what is behind it. */
function blamed({ status }) {
  return status >= 502 && status <= 504 ? "server" : "fault";
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isText(value) {
  return typeof value === "string" && value !== "";
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

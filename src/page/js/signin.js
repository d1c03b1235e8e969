// The sign-in form: name and password, or one click on a demo account where the server has them.

import { $, h, showError } from "./dom.js";
import { Problem, demoAccounts, endedText, signIn } from "./api.js";
import { t } from "./i18n.js";

let onSignedIn = () => {};
let accounts = null;
let ended = null;
let error = null;

function words(problem) {
  if (!(problem instanceof Problem)) return String(problem);
  return problem.status === 401 ? t("error.credentials") : problem.text;
}

async function go(username, password) {
  error = null;
  drawSignIn();
  const busy = [$("signin-go"), ...$("demo-chips").children];
  for (const button of busy) button.disabled = true;
  $("signin-go").textContent = t("signin.busy");
  try {
    const answer = await signIn(username, password);
    $("password").value = "";
    ended = null;
    await onSignedIn(answer);
  } catch (problem) {
    error = () => words(problem);
    drawSignIn();
    $("password").select();
  } finally {
    for (const button of busy) button.disabled = false;
    $("signin-go").textContent = t("signin");
  }
}

function chip({ username, password, role }) {
  return h("button", { class: "chip demo-chip", type: "button", "data-username": username, onclick: () => go(username, password) },
    h("b", {}, username), role && h("small", {}, role));
}

export function drawSignIn() {
  showError($("signin-error"), error?.());
  $("ended").hidden = !ended;
  if (ended) {
    $("ended-title").textContent = endedText(ended.code);
    // Signing out oneself is no alarm and needs no reason.
    const own = ended.code === "logout";
    $("ended").classList.toggle("own", own);
    $("ended-reason").textContent = ended.reason;
    $("ended-reason").hidden = own || !ended.reason;
  }
  $("demo").hidden = !accounts?.length;
  $("steps").hidden = !accounts?.length;
}

/** Shows the form; `why` is `{code, reason}` when a session has ended. */
export async function showSignIn(why = null) {
  ended = why;
  error = null;
  $("welcome").hidden = false;
  drawSignIn();
  if (accounts === null) {
    accounts = await demoAccounts();
    $("demo-chips").replaceChildren(...accounts.map(chip));
    drawSignIn();
  }
  if (!ended && matchMedia("(min-width: 60rem)").matches) $("username").focus();
}

export function startSignIn(listener) {
  onSignedIn = listener;
  $("signin").addEventListener("submit", (event) => {
    event.preventDefault();
    const username = $("username").value.trim();
    const password = $("password").value;
    if (username && password) return go(username, password);
    error = () => t("error.missing");
    drawSignIn();
    return (username ? $("password") : $("username")).focus();
  });
}

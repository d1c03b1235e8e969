// Leave: asking for it, where one's requests stand, and what waits for one's own decision.

import { $, h, redraw, showError, showReading } from "./dom.js";
import { get, post } from "./api.js";
import { ask } from "./ask.js";
import { language, t } from "./i18n.js";
import { store } from "./store.js";

let types = [];
let mine = [];
let tasks = [];

async function work(call) {
  showError($("leave-error"), null);
  try {
    await call();
    await refreshLeave();
    return true;
  } catch (problem) {
    showError($("leave-error"), problem.code === "already_handled" ? t("inbox.handled") : problem.text);
    await refreshLeave();
    return false;
  }
}

function decide(task, word) {
  const call = (comment) => work(() => post(`/api/v1/workflows/tasks/${task.guid}/${word}`, comment ? { comment } : {}));
  if (word === "approve") return call("");
  return ask({ title: t("leave.reject.title", { title: task.title }), text: t("leave.reject.text"), yes: t("leave.reject"), reason: true })
    .then((answer) => answer && call(answer.reason));
}

const days = (leave) => (leave.first_day === leave.last_day ? leave.first_day : `${leave.first_day} – ${leave.last_day}`);

function request(leave) {
  return h("tr", { "data-leave": leave.guid },
    h("td", {}, leave.leave_type_name),
    h("td", { class: "num" }, days(leave)),
    h("td", { class: "num" }, t("leave.days", { n: leave.days })),
    h("td", {}, h("span", { class: "pill-state", "data-status": leave.status }, leave.status_display)),
    h("td", { class: "num" }, leave.approval_no ?? "–"),
    h("td", {}, leave.status === "running" && h("button", {
      class: "small danger", type: "button", "data-focus": `withdraw ${leave.guid}`,
      onclick: () => work(() => post(`/api/v1/leaves/${leave.guid}/withdraw`)),
    }, t("leave.withdraw"))));
}

function todo(task) {
  return h("article", { class: "card notice-item", "data-task": task.guid },
    h("i", { class: "dot", "aria-hidden": "true" }),
    h("div", { class: "notice-words" },
      h("b", {}, task.title),
      h("p", {}, task.summary || task.node_name),
      h("small", {}, [task.initiator?.name, task.approval_no, task.node_name].filter(Boolean).join(" · "))),
    h("div", { class: "chips notice-do" },
      h("button", { class: "small", type: "button", "data-focus": `approve ${task.guid}`, onclick: () => decide(task, "approve") }, t("leave.approve")),
      h("button", { class: "small danger", type: "button", "data-focus": `reject ${task.guid}`, onclick: () => decide(task, "reject") }, t("leave.reject"))));
}

export function drawLeave() {
  redraw($("leave-type"), [language(), types.map(({ code, name }) => [code, name])], () =>
    types.map(({ code, name }) => h("option", { value: code }, name)));
  redraw($("leave-tasks"), [language(), tasks], () => (tasks.length ? tasks.map(todo) : [h("p", { class: "hint" }, t("leave.tasks.none"))]));
  redraw($("leave-mine"), [language(), mine], () =>
    (mine.length ? mine.map(request) : [h("tr", {}, h("td", { colspan: 6, class: "hint" }, t("leave.mine.none")))]));
}

export async function refreshLeave() {
  if (!store.account) return;
  try {
    const [kinds, own, todos] = await Promise.all([
      types.length ? { results: types } : get("/api/v1/leaves/types?page_size=100"),
      get("/api/v1/leaves?mine=true&page_size=20"),
      get("/api/v1/workflows/tasks?page_size=20"),
    ]);
    [types, mine, tasks] = [kinds.results, own.results, todos.results];
    drawLeave();
    showReading($("leave-error"));
  } catch (problem) {
    showReading($("leave-error"), problem.text);
  }
}

export function clearLeave() {
  [types, mine, tasks] = [[], [], []];
  showError($("leave-error"), null);
  drawLeave();
}

export function startLeave() {
  $("leave-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = {
      leave_type: $("leave-type").value, unit: "day", start_at: $("leave-from").value, end_at: $("leave-to").value || $("leave-from").value,
      reason: $("leave-reason").value, submit: true,
    };
    if (await work(() => post("/api/v1/leaves", body))) $("leave-form").reset();
  });
}

// Leave: what one has, asking for some, where one's requests stand, and what waits for one's own decision.

import { $, h, redraw, showError, showReading } from "./dom.js";
import { del, get, post } from "./api.js";
import { language, t } from "./i18n.js";
import { store } from "./store.js";
import { decide, loadTasks, refusal, tasks, verdictWords } from "./tasks.js";

const SHOWN = 20;
/** One change comes as several frames; the lists are read once for them. */
const TOGETHER = 60;
/** The types that ship, by what they are called then: one that was renamed keeps its new name in both languages. */
const TYPES = {
  年假: "Annual", 事假: "Personal", 病假: "Sick", 调休: "Compensatory", 婚假: "Marriage", 产假: "Maternity", 陪产假: "Paternity",
  育儿假: "Parental", 丧假: "Bereavement",
};
/** What can be done with a request beside looking at it, and what is pressed by mistake at one's cost. */
const ACTIONS = ["submit", "resubmit", "withdraw", "delete"];
const COSTLY = ["withdraw", "delete"];

let types = [];
let balances = [];
let mine = [];
/** The person's guid, which his leave's topic is named by; null without a staff record. */
let staff = null;
let isStaff = true;
/** Requests whose course is shown: guid -> the tasks of its instance. */
const courses = new Map();
let asked = 0;
let soon = null;
let listener = () => {};

/** The topic of one's own leave, once it is known. */
export const leaveTopic = () => (staff ? `leave:${staff}` : null);

const typeName = (name) => (language() === "en" ? TYPES[name] ?? name : name);
const number = (days) => Number(days.toFixed(3)).toString();

async function work(call) {
  showError($("leave-error"), null);
  try {
    await call();
    await refreshLeave();
    return true;
  } catch (problem) {
    showError($("leave-error"), refusal(problem));
    await refreshLeave();
    return false;
  }
}

const act = (leave, action) => work(() =>
  (action === "delete" ? del(`/api/v1/leaves/${leave.guid}`) : post(`/api/v1/leaves/${leave.guid}/${action}`)));

async function loadCourse(leave) {
  courses.set(leave.guid, (await get(`/api/v1/workflows/instances/${leave.instance_guid}`)).tasks);
}

async function toggle(leave) {
  if (courses.delete(leave.guid)) return drawLeave();
  return work(() => loadCourse(leave));
}

function span(leave) {
  const half = (which, usual) => (which === usual ? "" : ` ${t(`leave.half.${which}`)}`);
  if (leave.first_day === leave.last_day) return leave.first_day + (half(leave.start_half, "am") || half(leave.end_half, "pm"));
  return `${leave.first_day}${half(leave.start_half, "am")} – ${leave.last_day}${half(leave.end_half, "pm")}`;
}

function step(task) {
  const words = ["pending", "waiting"].includes(task.state) ? t(`task.${task.state}`, { name: task.assignee.name })
    : verdictWords({ state: task.state, by: (task.decidedBy ?? task.assignee).name, at: task.decidedAt });
  return h("li", { "data-state": task.state }, h("b", {}, task.nodeName), h("span", {}, words), task.comment && h("q", {}, task.comment));
}

function request(leave) {
  const course = courses.get(leave.guid);
  const about = `${typeName(leave.leave_type_name)} ${span(leave)}`;
  const cells = h("tr", { "data-leave": leave.guid },
    h("td", {}, typeName(leave.leave_type_name), leave.reason && h("small", {}, leave.reason)),
    h("td", { class: "num" }, span(leave), leave.approval_no && h("small", {}, leave.approval_no)),
    h("td", { class: "num" }, t("leave.days", { n: number(leave.days) })),
    h("td", {}, h("span", { class: "pill-state", "data-status": leave.status }, t(`leave.status.${leave.status}`))),
    h("td", {}, h("div", { class: "chips" },
      leave.instance_guid && h("button", {
        class: "small", type: "button", "data-focus": `course ${leave.guid}`, "aria-expanded": String(Boolean(course)),
        "aria-label": `${t("leave.course")}: ${about}`, onclick: () => toggle(leave),
      }, t("leave.course")),
      ACTIONS.filter((action) => leave.allowed_actions.includes(action)).map((action) => h("button", {
        class: `small ${COSTLY.includes(action) ? "danger" : ""}`, type: "button", "data-focus": `${action} ${leave.guid}`,
        "aria-label": `${t(`leave.${action}`)}: ${about}`, onclick: () => act(leave, action),
      }, t(`leave.${action}`))))));
  return course ? [cells, h("tr", { class: "course" }, h("td", { colspan: 5 }, h("ol", {}, course.map(step))))] : [cells];
}

function todo(task) {
  const answer = (word) => work(() => decide(task.guid, task.title, word));
  return h("article", { class: "card notice-item", "data-task": task.guid },
    h("i", { class: "dot", "aria-hidden": "true" }),
    h("div", { class: "notice-words" },
      h("h3", {}, task.title),
      h("p", {}, task.summary),
      h("small", {}, [task.nodeName, task.approvalNo, task.insteadOf && t("task.instead", { name: task.insteadOf.name })].filter(Boolean).join(" · "))),
    h("div", { class: "notice-do" }, h("div", { class: "chips" },
      h("button", {
        class: "small primary-small", type: "button", "data-focus": `approve ${task.guid}`,
        "aria-label": `${t("leave.approve")}: ${task.title}`, onclick: () => answer("approve"),
      }, t("leave.approve")),
      h("button", {
        class: "small danger", type: "button", "data-focus": `reject ${task.guid}`,
        "aria-label": `${t("leave.reject")}: ${task.title}`, onclick: () => answer("reject"),
      }, t("leave.reject")))));
}

function balance(one) {
  return h("li", { class: "balance", "data-type": one.leave_type },
    h("span", {}, typeName(one.leave_type_name)),
    h("b", { class: "num" }, number(one.left_days)),
    h("small", { class: "num" }, t("leave.balance.of", { n: number(one.granted_days) }),
      one.pending_days > 0 && ` · ${t("leave.balance.pending", { n: number(one.pending_days) })}`));
}

/** What of the form the chosen type and days leave open: a part of a day on one day alone, attachments where they are asked for. */
function drawForm() {
  const type = types.find(({ code }) => code === $("leave-type").value);
  const oneDay = !$("leave-to").value || $("leave-to").value === $("leave-from").value;
  $("leave-part-field").hidden = !type?.allow_half_day || !oneDay;
  $("leave-paper-field").hidden = !type?.requires_attachment;
  $("leave-to").min = $("leave-from").value;
}

export function drawLeave() {
  $("leave-form").hidden = !isStaff;
  $("leave-nobody").hidden = isStaff;
  redraw($("leave-balance"), [language(), balances], () => balances.filter(({ granted_days: granted, used_days: used }) => granted || used).map(balance));
  const chosen = $("leave-type").value;
  redraw($("leave-type"), [language(), types.map(({ code, name }) => [code, name])], () =>
    types.map(({ code, name }) => h("option", { value: code, selected: code === chosen }, typeName(name))));
  drawForm();
  redraw($("leave-tasks"), [language(), tasks()], () => (tasks().length ? tasks().map(todo) : [h("p", { class: "hint" }, t("leave.tasks.none"))]));
  redraw($("leave-mine"), [language(), mine, [...courses]], () =>
    (mine.length ? mine.flatMap(request) : [h("tr", {}, h("td", { colspan: 5, class: "hint" }, t("leave.mine.none")))]));
}

/** What one has left. Who has no staff record is told so: leave is for people of the company. */
async function loadBalances() {
  if (!isStaff) return [];
  try {
    const body = await get("/api/v1/leaves/balance");
    staff = body.staff_guid;
    return body.balances;
  } catch (problem) {
    if (problem.status !== 400) throw problem;
    isStaff = false;
    return [];
  }
}

export async function refreshLeave() {
  if (!store.account) return;
  clearTimeout(soon);
  asked += 1;
  const turn = asked;
  try {
    const [kinds, own, left] = await Promise.all([
      types.length ? { results: types } : get("/api/v1/leaves/types"),
      get(`/api/v1/leaves?mine=true&page_size=${SHOWN}`),
      loadBalances(),
      loadTasks(),
    ]);
    for (const leave of own.results) {
      const before = mine.find(({ guid }) => guid === leave.guid);
      if (courses.has(leave.guid) && before?.version !== leave.version) await loadCourse(leave);
    }
    if (turn !== asked) return;
    types = kinds.results.filter(({ status }) => status === 1);
    [mine, balances] = [own.results, left];
    drawLeave();
    listener();
    showReading($("leave-error"));
  } catch (problem) {
    if (turn === asked) showReading($("leave-error"), problem.text);
  }
}

/** Reads it again in a moment, once for all that came until then. */
export function refreshLeaveSoon() {
  clearTimeout(soon);
  soon = setTimeout(refreshLeave, TOGETHER);
}

export function clearLeave() {
  asked += 1;
  clearTimeout(soon);
  [types, mine, balances] = [[], [], []];
  [staff, isStaff] = [null, true];
  courses.clear();
  $("leave-form").reset();
  showError($("leave-error"), null);
  drawLeave();
}

/** What the form asks for, as the server reads it. */
function wish() {
  const from = $("leave-from").value;
  const part = $("leave-part-field").hidden ? "" : $("leave-part").value;
  const paper = $("leave-paper-field").hidden ? "" : $("leave-paper").value.trim();
  return {
    leave_type: $("leave-type").value, start_at: from, end_at: $("leave-to").value || from, reason: $("leave-reason").value, submit: true,
    ...(part ? { unit: "half_day", start_half: part, end_half: part } : { unit: "day" }),
    ...(paper && { attachments: [paper] }),
  };
}

/** Calls back when one's leave was read: its topic is known then. */
export function startLeave(back) {
  listener = back;
  $("leave-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const send = $("leave-send");
    send.disabled = true;
    const body = wish();
    if (await work(() => post("/api/v1/leaves", body))) $("leave-form").reset();
    drawForm();
    send.disabled = false;
  });
  for (const id of ["leave-type", "leave-from", "leave-to"]) $(id).addEventListener("change", drawForm);
}

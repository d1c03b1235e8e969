// Tasks of processes: what waits for one's own decision, what became of a task that a notice speaks of, and deciding.
// A notice keeps the buttons that it came with; whether they still mean something is asked here.

import { get, post } from "./api.js";
import { ask } from "./ask.js";
import { h } from "./dom.js";
import { ago, has, t } from "./i18n.js";

/** As many as a page of the server's list has. Whoever has more sees the rest when these are done. */
const SHOWN = 100;

let todo = [];
let count = 0;
/** Tasks that are open no more, or nobody's to see: guid -> `{state, by, at}`. */
const settled = new Map();
/** Tasks that are open, though the list is too short to show them. */
const open = new Set();
let asked = 0;
let listener = () => {};

export const tasks = () => todo;

/** How many wait. */
export const waiting = () => count;

/** Takes the absolute number that a frame brings, and forgets what was known of the task it speaks of. */
export function taskTold({ todo: n, taskId }) {
  settled.delete(taskId);
  open.delete(taskId);
  if (typeof n !== "number" || n === count) return;
  count = n;
  listener();
}

/** Reads what waits for one's decision. */
export async function loadTasks() {
  asked += 1;
  const mine = asked;
  const body = await get(`/api/v1/workflows/tasks?page_size=${SHOWN}`);
  if (mine !== asked) return;
  todo = body.results;
  count = body.counts.todo;
  for (const { guid } of todo) settled.delete(guid);
  listener();
}

const isOpen = (guid) => open.has(guid) || todo.some((task) => task.guid === guid);

/** What became of a task: null while it is open or nothing is known of it. */
export const verdict = (guid) => (isOpen(guid) ? null : settled.get(guid) ?? null);

/** True while it can be decided. */
export const undecided = (guid) => isOpen(guid);

/** Learns what became of the tasks that notices speak of: of those that do not wait any more, from their instances. */
export async function learn(notices) {
  const unknown = notices.filter(({ data }) => data.taskId && !isOpen(data.taskId) && !settled.has(data.taskId));
  const instances = new Set(unknown.map(({ data }) => data.instance));
  await Promise.all([...instances].map(async (guid) => {
    let found = [];
    try {
      found = (await get(`/api/v1/workflows/instances/${encodeURIComponent(guid)}`)).tasks;
    } catch (problem) {
      // Not there for this person: neither are its buttons. Anything else is asked again with the next look.
      if (problem.status !== 404) return;
    }
    for (const { guid: task, state, decidedBy, assignee, decidedAt } of found) {
      if (state === "pending") open.add(task);
      else settled.set(task, { state, by: (decidedBy ?? assignee)?.name ?? "", at: decidedAt });
    }
    for (const { data } of unknown) {
      if (data.instance === guid && !isOpen(data.taskId) && !settled.has(data.taskId)) {
        settled.set(data.taskId, { state: "gone", by: "", at: null });
      }
    }
  }));
}

/** What became of a task: in words, and since when. */
export function verdictWords({ state, by, at }) {
  const key = `task.${state}`;
  return [t(has(key) ? key : "task.gone", { name: by }), ...(at ? [" · ", h("time", { "data-ago": at, datetime: at }, ago(at))] : [])];
}

/** The words for a decision that was refused: who was faster, or what the server says. */
export function refusal(problem) {
  if (problem.code !== "already_handled") return problem.text;
  const { handled_by: name, handled_at: at } = problem.body;
  return name ? t("task.handled.by", { name, ago: at ? ago(at) : "" }) : t("task.handled");
}

/** Decides; a rejection asks for its reason first. Answers false if it was thought better of. */
export async function decide(guid, title, word) {
  let comment = "";
  if (word === "reject") {
    const answer = await ask({ title: t("leave.reject.title", { title }), text: t("leave.reject.text"), yes: t("leave.reject"), reason: "required" });
    if (!answer) return false;
    comment = answer.reason;
  }
  await post(`/api/v1/workflows/tasks/${encodeURIComponent(guid)}/${word}`, comment ? { comment } : {});
  return true;
}

export function clearTasks() {
  asked += 1;
  todo = [];
  count = 0;
  settled.clear();
  open.clear();
  listener();
}

/** Calls back when the number changes. */
export function startTasks(back) {
  listener = back;
}

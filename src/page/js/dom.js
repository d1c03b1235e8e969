// Small means to build and refresh parts of the page without a framework.
// Nothing here sets a style attribute or HTML text, so that `default-src 'self'` holds and no name can become markup.

export const $ = (id) => document.getElementById(id);

/** Builds an element: attributes, `on…` listeners, and children (text or nodes; null and false are left out). */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Makes the children of `parent` follow `items`, keeping the node of each key, so that focus and motion survive. */
export function keyed(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let node = old.get(key);
    if (node) old.delete(key);
    else {
      node = make(item);
      node.dataset.key = key;
    }
    update?.(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

const drawn = new WeakMap();

/**
 * Rebuilds `parent` only if `signature` changed, and gives the focus back to the same `data-focus`. If that is gone, the parent
 * has it: never a neighbour, which a key that was meant for the one before would press.
 */
export function redraw(parent, signature, build) {
  const text = JSON.stringify(signature);
  if (drawn.get(parent) === text) return;
  drawn.set(parent, text);
  const focus = parent.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  parent.replaceChildren(...build());
  if (!focus) return;
  const again = parent.querySelector(`[data-focus="${CSS.escape(focus)}"]:not(:disabled)`);
  if (!again) parent.tabIndex = -1;
  (again ?? parent).focus();
}

/** Shows a message in an error line, or hides the line. */
export function showError(node, text) {
  node.textContent = text ?? "";
  node.hidden = !text;
  delete node.dataset.reading;
}

/** Notes how reading a list went: its failure goes away with the next success, that of an action stays to be read. */
export function showReading(node, text = null) {
  if (text === null && !("reading" in node.dataset)) return;
  if (text !== null && !node.hidden && !("reading" in node.dataset)) return;
  showError(node, text);
  if (text !== null) node.dataset.reading = "";
}

const PATHS = {
  in: "M12 5v14m-6-6 6 6 6-6",
  out: "M12 19V5m-6 6 6-6 6 6",
  check: "m5 13 4 4L19 7",
  cross: "M6 6l12 12M18 6 6 18",
  position: "M4 8h16v11H4zM9 8V5h6v3",
  approval: "M5 4h14v16H5zm4 8 2.5 2.5L15.5 10",
  message: "M4 5h16v11H10l-4 4v-4H4z",
  system: "M4 10v4h3l7 4V6l-7 4zm14-1a4 4 0 0 1 0 6",
  tab: "M4 6h16v12H4zM4 10h16",
};

/** A line icon in the colour of the text beside it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

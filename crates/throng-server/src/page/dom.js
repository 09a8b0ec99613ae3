// Elements, as all other files make them: texts become text nodes, never markup.

/** Where a field that takes the focus opens a keyboard over half of the screen. */
const TOUCH = matchMedia("(pointer: coarse)");

/** The element with this id. */
export const find = (id) => document.getElementById(id);

/** An element with a class and a text. */
export function part(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/** A copy of one of the page's drawings. */
export function icon(name) {
  const drawing = find("icons").content.querySelector(`[data-name=${name}]`).cloneNode(true);
  drawing.classList.add("icon");
  drawing.setAttribute("aria-hidden", "true");
  return drawing;
}

/** A button that shows a drawing and is called by its label. */
export function tool(drawing, label, act) {
  const button = part("button", "tool");
  button.type = "button";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.append(icon(drawing));
  button.addEventListener("click", act);
  return button;
}

/** A button that shows its label. */
export function labelled(label, className, act) {
  const button = part("button", className, label);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

/** Puts their drawings into the page's own elements. */
export function drawIcons() {
  for (const element of document.querySelectorAll("[data-icon]")) {
    element.prepend(icon(element.dataset.icon));
  }
}

/** Lets a text field be as high as its text. */
export function fitHeight(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

/** Whether a key is Enter alone, which sends; while an input method composes it is its own. */
export function sends(event) {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing;
}

/** Gives a field the focus, unless that would hide what there is to read. */
export function invite(field) {
  if (!TOUCH.matches) field.focus({ preventScroll: true });
}

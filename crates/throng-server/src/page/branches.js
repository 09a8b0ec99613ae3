// Which of the turns at one place is shown, and buttons for its neighbours.

import { part, tool } from "./dom.js";

/** The buttons, or nothing where there is one turn alone. */
export function branchSwitch(siblings, index, choose) {
  if (siblings.length < 2) return "";
  const at = siblings.indexOf(index);
  const element = part("span", "branches");
  const step = (drawing, label, place) => {
    const button = tool(drawing, label, () => choose(siblings[place]));
    button.disabled = siblings[place] === undefined;
    return button;
  };
  element.append(
    step("previous", "The version before", at - 1),
    part("span", "place", `${at + 1}/${siblings.length}`),
    step("next", "The version after", at + 1),
  );
  return element;
}

// What keys do, wherever the focus is, and a dialog that says so.

import { find, part } from "./dom.js";

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const COMMAND = APPLE ? "⌘" : "Ctrl";
/** What other files see to. */
const ELSEWHERE = [
  [["Enter"], "Send"],
  [["Shift", "Enter"], "Start a line"],
  [["↑"], "Edit the last question, from an empty field"],
  [["Esc"], "Stop the answer, or leave what is open"],
  [["F2"], "Rename a chat of the list"],
  [["Delete"], "Delete a chat of the list"],
];

/** `actions`: `newChat`, `chats`, `settings`, and `escape`. */
export function useShortcuts(actions) {
  const dialog = find("shortcuts");
  const help = () => (dialog.open ? dialog.close() : dialog.showModal());
  const shortcuts = [
    { key: "o", shift: true, words: "New chat", act: actions.newChat },
    { key: "b", words: "List of chats", act: actions.chats },
    { key: ",", words: "Settings of this chat", act: actions.settings },
    { key: "/", words: "Keyboard shortcuts", act: help },
  ];
  document.addEventListener("keydown", (event) => {
    // An open dialog is what it leaves.
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) actions.escape();
    if (!(APPLE ? event.metaKey : event.ctrlKey) || event.altKey) return;
    const pressed = event.key.toLowerCase();
    const { shiftKey } = event;
    const found = shortcuts.find(({ key, shift = false }) => key === pressed && shift === shiftKey);
    if (!found) return;
    event.preventDefault();
    found.act();
  });
  find("help").addEventListener("click", help);
  const named = shortcuts.map(({ key, shift, words }) => [
    [COMMAND, ...(shift ? ["Shift"] : []), key.toUpperCase()],
    words,
  ]);
  for (const [keys, words] of [...named, ...ELSEWHERE]) {
    const chord = part("dt");
    chord.append(...keys.map((key) => part("kbd", "", key)));
    find("shortcut-list").append(chord, part("dd", "", words));
  }
}

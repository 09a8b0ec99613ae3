// Light or dark: what the system prefers, unless the reader has chosen. This is no module, so that
// the page is never drawn in the other one first.
{
  const THEMES = ["system", "light", "dark"];
  const KEY = "throng.theme";

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // The browser keeps nothing for this page.
    }
  };

  const use = (theme) => {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It holds until the page is left.
    }
  };

  document.documentElement.dataset.theme = THEMES.includes(stored()) ? stored() : "system";
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const drawings = document.getElementById("icons").content;
    const draw = () => {
      const theme = document.documentElement.dataset.theme;
      const icon = drawings.querySelector(`[data-name=${theme}]`).cloneNode(true);
      icon.classList.add("icon");
      icon.setAttribute("aria-hidden", "true");
      button.replaceChildren(icon);
      button.title = `Theme: ${theme}`;
      button.setAttribute("aria-label", button.title);
    };
    button.addEventListener("click", () => {
      const at = THEMES.indexOf(document.documentElement.dataset.theme);
      use(THEMES[(at + 1) % THEMES.length]);
      draw();
    });
    draw();
  });
}

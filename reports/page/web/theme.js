// The theme: the reader's own, or light or dark by the button, which is remembered.
const THEMES = ["auto", "light", "dark"];
const theme = $("theme");
function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  theme.textContent = `Theme: ${name}`;
  theme.dataset.theme = name;
  try { localStorage.setItem("cheapconv-theme", name); } catch { /* a file may have no storage */ }
  redrawn.forEach(again => again());
}
theme.addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(theme.dataset.theme) + 1) % THEMES.length]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redrawn.forEach(again => again()));
let remembered = null;
try { remembered = localStorage.getItem("cheapconv-theme"); } catch { /* likewise */ }
setTheme(THEMES.includes(remembered) ? remembered : "auto");

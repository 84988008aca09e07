// Light, dark or as the system says. Loaded before the page is drawn, so that nothing flashes; a classic script for that reason.
{
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const told = () => document.dispatchEvent(new CustomEvent("theme:changed"));

  if (stored()) root.dataset.theme = stored();
  root.classList.add("js");

  addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-switch]")) return;
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* private windows may keep nothing */ }
    told();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", told);
}

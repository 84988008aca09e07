// What a page does wrong for people who read, point or listen. Each function gives a list of findings; empty is good.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const visible = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  // Any CSS colour as sRGB bytes with opacity, as a canvas paints it.
  function rgba(color) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  }
  // Relative luminance, WCAG 2.2.
  function luminance([r, g, b]) {
    const [R, G, B] = [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  }
  function beneath(element) {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
    }
    return rgba("Canvas");
  }

  return {
    // Elements with text of their own whose contrast is below 4.5 : 1.
    faint: () => all("body *:not(svg, svg *, option, script)")
      .filter((e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()) && visible(e))
      .map((e) => {
        const [high, low] = [luminance(rgba(getComputedStyle(e).color)), luminance(beneath(e))].sort((a, b) => b - a);
        return { text: e.textContent.trim().slice(0, 40), class: e.className, ratio: (high + 0.05) / (low + 0.05) };
      })
      .filter(({ ratio }) => ratio < 4.5),

    // Things to click that are smaller than 24 px, links within sentences left out.
    small: () => all("button, .btn, nav a, th a, input:not([type=hidden]), select, .name-cell a")
      .filter((e) => visible(e) && !e.closest(".crumbs, .visually-hidden, .js-plotly-plot"))
      .map((e) => ({ name: (e.textContent || e.name).trim().slice(0, 30), box: (e.closest("label.check") ?? e).getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && Math.min(box.width, box.height) < 23.5)
      .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`),

    // Things to use or look at that have no name for a screen reader.
    unnamed: () => all("a[href], button, input:not([type=hidden]), select, textarea, [role=region], [role=img], dialog")
      .filter((e) => !e.closest(".modebar"))
      .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.getAttribute("aria-labelledby") || e.labels?.length))
      .map((e) => e.outerHTML.slice(0, 100)),

    // The same id twice.
    doubled: () => all("[id]").map((e) => e.id).filter((id, at, ids) => ids.indexOf(id) !== at),

    // Levels of headings in the order of the page.
    headings: () => all("h1, h2, h3, h4").filter((e) => !e.closest("dialog")).map((e) => Number(e.tagName[1])),
  };
})()

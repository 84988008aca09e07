// Draws the one chart of a page whose numbers stand in the page itself. The table behind it is there without this script.
import { color, merged, plotly, template } from "./charts.js";

const config = { responsive: true, displaylogo: false, displayModeBar: "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

async function draw(place) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  const data = figure.data.map((trace) => ({ ...trace, marker: { color: color(`chart-${trace.meta.color}`) } }));
  const layout = merged(template(false), figure.layout);
  layout.shapes = figure.layout.shapes.map(({ meta, ...shape }) => ({ ...shape, line: { color: color(`chart-${meta}`), width: 1.5, dash: "dash" } }));
  layout.annotations = figure.layout.annotations.map((note) => ({ ...note, font: { ...layout.font, color: color("text") } }));
  place.querySelector(":scope > .waiting")?.remove();
  await Plotly.react(place, data, layout, config);
}

let loaded;
function all() {
  const places = [...document.querySelectorAll("[data-figure]")];
  if (!places.length) return;
  loaded ??= plotly(places[0].dataset.plotly);
  loaded.then(() => places.forEach(draw));
}

all();
document.addEventListener("theme:changed", all);
document.addEventListener("htmx:after:swap", all);

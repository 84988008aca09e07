// Draws a run's charts with Plotly. The server sends figures (what to draw) and series (the numbers) once; points that come later
// are appended, the zoom stays. Smoothing happens here, because it must follow points and the slider without asking anybody.
const box = document.getElementById("charts");
const live = document.getElementById("live");
const form = document.getElementById("view");
const MOST = 4000; // points held before the server is asked for a thinner picture

let figures = {}, series = {}, drawn = false, dirty = false;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

// Plotly understands rgb, not oklch or light-dark(): the browser computes, a canvas translates.
export function color(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.fillStyle = computed;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return `rgb(${r}, ${g}, ${b})`;
}

function view() {
  return { x: form.elements.x.value, smooth: Number(form.elements.smooth.value), log: form.elements.log.checked };
}

// Exponential moving average without the pull of its start: dividing by the weights so far undoes the bias. Beyond some 200 points
// it reaches as far on the screen, whatever their number.
function smoothed(values, strength) {
  const weight = strength ** (1 / Math.max(1, values.length / 200));
  let mean = 0, norm = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = mean * weight + value * (1 - weight);
    norm = norm * weight + (1 - weight);
    return mean / norm;
  });
}

function traces(figure, { x, smooth }) {
  return figure.data.map((trace) => {
    const { kind, value, color: role, smooth: isSmooth } = trace.meta;
    const columns = series[kind];
    const line = { ...trace.line, color: color(`chart-${role}`) };
    const y = isSmooth ? smoothed(columns[value], smooth) : columns[value];
    const marker = trace.mode === "lines" ? undefined : { size: 6, color: line.color };
    return { ...trace, x: columns[x].slice(), y: y.slice(), line, ...(marker && { marker }) };
  });
}

export function template(little) {
  const muted = color("muted"), line = color("line"), raised = color("raised"), text = color("text");
  const font = { family: css("--sans").trim(), size: little ? 10 : 11, color: muted };
  const axis = { gridcolor: line, linecolor: line, zeroline: false, ticks: "", automargin: true, fixedrange: little, title: { font, standoff: 8 } };
  return {
    autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font,
    margin: little ? { l: 8, r: 8, t: 4, b: 4 } : { l: 8, r: 12, t: 8, b: 8 },
    showlegend: !little, legend: { orientation: "h", x: 1, xanchor: "right", y: 1, yanchor: "bottom", font },
    hoverlabel: { bgcolor: raised, bordercolor: line, font: { ...font, size: 12, color: text } },
    xaxis: axis, yaxis: axis, modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: text },
  };
}

export function merged(low, high) {
  const both = { ...low };
  for (const [key, value] of Object.entries(high)) {
    both[key] = value && typeof value === "object" && !Array.isArray(value) ? merged(low[key] ?? {}, value) : value;
  }
  return both;
}

function layout(figure, little, chosen) {
  const made = merged(template(little), figure.layout);
  // The same revision keeps the reader's zoom through new points; another axis is another picture.
  made.uirevision = `${chosen.x} ${chosen.log}`;
  if (!little) made.yaxis = { ...made.yaxis, type: chosen.log ? "log" : "linear" };
  made.datarevision = Date.now();
  return made;
}

const config = (little) => ({
  responsive: true, displaylogo: false, displayModeBar: little ? false : "hover", scrollZoom: false, doubleClick: "reset+autosize",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  toImageButtonOptions: { format: "png", scale: 2, filename: document.querySelector("h1").textContent.trim() },
});

async function draw() {
  const chosen = view();
  for (const [key, figure] of Object.entries(figures)) {
    const place = document.getElementById(`chart-${key}`);
    const little = key !== "loss";
    if (!series.train.step.length && !series.eval.step.length) continue;
    place.querySelector(":scope > :is(.picture, .waiting)")?.remove();
    await Plotly.react(place, traces(figure, chosen), layout(figure, little, chosen), config(little));
  }
  drawn = true;
}

function redraw() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(() => { dirty = false; draw(); });
}

function append(points) {
  for (const { kind, ...point } of points) {
    const columns = series[kind];
    if (point.step <= (columns.step.at(-1) ?? -1)) continue; // sent twice, or said again by an engine that resumed
    for (const key of Object.keys(columns)) columns[key].push(point[key] ?? null);
  }
  if (series.train.step.length > MOST) fetchAll(); else redraw();
}

async function fetchAll() {
  const answer = await fetch(box.dataset.charts + location.search, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const got = await answer.json();
  figures = got.figures;
  series = got.series;
  await draw();
  document.dispatchEvent(new CustomEvent("charts:drawn", { detail: { cursor: got.cursor } }));
}

function keepInAddress() {
  const { x, smooth, log } = view();
  const address = new URL(location);
  for (const [key, value, usual] of [["x", x, "step"], ["smooth", String(smooth), "0.6"], ["log", log ? "1" : "", ""]]) {
    address.searchParams.delete(key); // first, so that the same view always has the same address
    if (value !== usual) address.searchParams.set(key, value);
  }
  history.replaceState(history.state, "", address);
}

// Plotly writes rules into style elements of its own, which the security policy forbids. It takes a sheet that is already there
// under its name instead (charts.css), and a script may add rules to a sheet of ours. The rules of its maps, which nothing here
// draws, stay away when an element has their name.
const MAP_RULES = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";

export function plotly(source = live.dataset.plotly) {
  return new Promise((ready, failed) => {
    const script = Object.assign(document.createElement("script"), { id: MAP_RULES, src: source, onload: ready, onerror: failed });
    document.head.append(script);
  });
}

if (box) {
  form.addEventListener("input", () => {
    form.querySelector("output").textContent = form.elements.smooth.value;
    keepInAddress();
    if (drawn) redraw();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("theme:changed", () => drawn && redraw());
  document.addEventListener("points", (event) => append(event.detail));
  document.addEventListener("points:stale", fetchAll);
  await plotly();
  await fetchAll();
}

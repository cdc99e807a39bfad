"use strict";
// The board's tables, unpacked on first use, and the reader's choices, which live in the address.

const { boards: BOARDS, between: BETWEEN, glossary: GLOSSARY, quantities: QUANTITIES, psnr_ceiling: PSNR_CEILING } = JSON.parse(document.getElementById("data").textContent);
let imageList = null;

/** Data URI or path of an image number; the list is parsed only when a picture is first shown. */
function imageSource(number) {
  if (imageList === null) imageList = JSON.parse(document.getElementById("images").textContent);
  return number === null || number === undefined ? null : imageList[number];
}

/** A packed column (see packing.py) as a plain array. */
function unpackColumn(column, n) {
  if ("v" in column) return column.v;
  if ("c" in column) return new Array(n).fill(column.c);
  if ("i" in column) return column.i.map((i) => column.d[i]);
  const values = [];
  for (let k = 0; k < column.r.length; k += 2) {
    for (let j = 0; j < column.r[k + 1]; j += 1) values.push(column.d[column.r[k]]);
  }
  return values;
}

const unpacked = new Map();
/** All rows of a table of the current board as columns: {n, columns: {name: array}, at: Map(context -> row numbers)}. */
function table(name) {
  const key = `${state.run}/${name}`;
  if (!unpacked.has(key)) {
    const packed = board().tables[name];
    const columns = {};
    for (const [field, column] of Object.entries(packed.columns)) columns[field] = unpackColumn(column, packed.n);
    const at = new Map();
    for (let i = 0; i < packed.n; i += 1) {
      const context = contextKey(columns.dataset[i], columns.occlusion[i], columns.output ? columns.output[i] : "");
      if (!at.has(context)) at.set(context, []);
      at.get(context).push(i);
    }
    unpacked.set(key, { n: packed.n, columns, at, rows: new Map() });
  }
  return unpacked.get(key);
}

function contextKey(dataset, occlusion, output) { return `${dataset}/${occlusion}/${output}`; }

function ownRows(name, context) {
  const source = table(name);
  if (!source.rows.has(context)) {
    const fields = Object.keys(source.columns);
    source.rows.set(context, (source.at.get(context) || []).map((i) => {
      const row = {};
      for (const field of fields) row[field] = source.columns[field][i];
      return row;
    }));
  }
  return source.rows.get(context);
}

const FIXED_SETTINGS = new Set(["TT", "MT", "MM"]);
/** Rows of a context. What no method touches (TT, MT, MM) may be stored under one output only and counts for both. */
function rowsOf(name, context) {
  const own = ownRows(name, context);
  if (name !== "verification") return own;
  const have = new Set(own.filter((r) => FIXED_SETTINGS.has(r.setting)).map((r) => `${r.setting}/${r.matcher}`));
  const [dataset, occlusion, output] = context.split("/");
  const other = ownRows(name, contextKey(dataset, occlusion, output === "raw" ? "composite" : "raw"));
  return own.concat(other.filter((r) => FIXED_SETTINGS.has(r.setting) && !have.has(`${r.setting}/${r.matcher}`)));
}

const lookups = new Map();
/** {image: Map, person: Map} of a context's whole-data figures by key; see leaderboard.js for the keys. */
function lookup(context) {
  const key = `${state.run}/${context}`;
  if (!lookups.has(key)) {
    const image = new Map();
    const person = new Map();
    for (const r of rowsOf("rows", context)) if (r.slice === "all") image.set(`${r.metric}:${r.region}:${r.method}`, r);
    for (const r of rowsOf("verification", context)) {
      if (r.slice === "all" && r.policy === "penalised") person.set(`${r.metric}@${r.target ?? ""}:${r.setting}:${r.matcher}:${r.method}`, r);
    }
    lookups.set(key, { image, person });
  }
  return lookups.get(key);
}

const dependents = new Map();
/** Methods in whose training the chosen judge took part: it is no independent judge of them. */
function dependentMethods() {
  const key = `${state.run}/${context()}/${state.judge}`;
  if (!dependents.has(key)) dependents.set(key, new Set(rowsOf("verification", context()).filter((r) => r.matcher === state.judge && !r.independent && r.method).map((r) => r.method)));
  return dependents.get(key);
}

// ------------------------------------------------------------------------------------------------- the reader's choices

const DEFAULTS = {
  view: "overview", run: "0", ds: "", oc: "", out: "", judge: "", prov: "all", cols: "", sort: "", focus: "", set: "UT",
  diff: "", slice: "", by: "coverage", gm: "", gk: "", go: "stored", gb: "occluded", gi: "0", tg: "judge", all: "", card: "", open: "", a: "", b: "", rb: "", fi: "0",
  q: "", mask: "all", lic: "all", size: "", year: "",
};
const state = { ...DEFAULTS };

function board() { return BOARDS[Number(state.run)] || BOARDS[0]; }

/** Choices from the address; what does not exist on this board falls back to the first that does. */
function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(DEFAULTS)) state[name] = given.get(name) ?? DEFAULTS[name];
  if (!BOARDS[Number(state.run)]) state.run = "0";
  if (state.rb === state.run) state.rb = "";
  if (!document.getElementById(`view-${state.view}`)) state.view = "overview";
  settle();
}

function settle() {
  const contexts = board().contexts;
  const datasets = [...new Set(contexts.map((c) => c[0]))];
  if (state.ds !== "all" && !datasets.includes(state.ds)) state.ds = datasets[0] || "";
  const occlusions = contexts.filter((c) => state.ds === "all" || c[0] === state.ds).map((c) => c[1]);
  if (state.oc !== "all" && !occlusions.includes(state.oc)) state.oc = occlusions[0] || "";
  if (state.out !== "all" && !board().outputs.includes(state.out)) state.out = board().outputs[0] || "";
  const judges = (board().judges[context()] || []).map((j) => j[0]);
  if (!judges.includes(state.judge)) state.judge = judges[0] || "";
}

/** Every chosen (dataset, occlusion, output); more than one where a filter says "all". */
function contexts() {
  const outputs = state.out === "all" ? board().outputs : [state.out];
  return board().contexts
    .filter(([d, o]) => (state.ds === "all" || d === state.ds) && (state.oc === "all" || o === state.oc))
    .flatMap(([d, o]) => outputs.map((out) => contextKey(d, o, out)));
}

/** The one context that figures, verdict and tables below the leaderboard speak of. */
function context() { return contexts()[0] || contextKey(state.ds, state.oc, state.out); }

/** [matcher, FMR target, metric] that judges, or null where no matcher ran. */
function judge() {
  const found = board().judges[context()] || [];
  return found.find((j) => j[0] === state.judge) || found[0] || null;
}

/** The address of the reader's choices with some of them changed. */
function addressOf(changes = {}) {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...state, ...changes })) if (value !== DEFAULTS[name]) kept.set(name, value);
  return `#${kept}`;
}

/** The choices as the address; with `entry` as a new entry of the browser's history, so that back returns from it. */
function writeAddress(entry = null) {
  const hash = addressOf();
  try { if (entry) history.pushState(entry, "", hash); else history.replaceState(null, "", hash); } catch { location.hash = hash; }
}

/** Change choices, keep them in the address and draw anew; another view is a step that the browser's back undoes. */
function choose(changes) {
  const turned = changes.view !== undefined && changes.view !== state.view;
  Object.assign(state, changes);
  settle();
  writeAddress(turned ? { cards: 0 } : null);
  draw();
}

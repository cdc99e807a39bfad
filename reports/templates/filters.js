// Which methods are shown: by name, provenance, mask, licence, size and year. All of it lives in the address.

const SIZES = [["", "any"], ["1e6", "up to 1 M"], ["5e6", "up to 5 M"], ["2e7", "up to 20 M"], ["1e8", "up to 100 M"]];
const METHOD_FILTERS = ["q", "prov", "mask", "lic", "size", "year"];

function isFiltered() { return METHOD_FILTERS.some((name) => state[name] !== DEFAULTS[name]); }

/** Whether the reader's filters keep a method. The untouched image has no mask, licence or size: it stays as the floor. */
function isWanted(card) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.some((w) => !`${card.method} ${card.title} ${card.paper ?? ""}`.toLowerCase().includes(w))) return false;
  if (state.prov !== "all" && card.provenance !== state.prov) return false;
  if (card.method === "untouched") return true;
  if (state.mask !== "all" && maskWord(card) !== state.mask) return false;
  if (state.lic !== "all" && !licencesOf(card).includes(state.lic)) return false;
  const parameters = parametersOf(card);
  // a size or year that nobody stated is none that was asked for
  if (state.size && (parameters === null || parameters > Number(state.size))) return false;
  return !state.year || (typeof card.year === "number" && card.year >= Number(state.year));
}

/** A network's parameters: a classical method has none; where nobody counted them, its training card may say. */
function parametersOf(card) {
  if (card.provenance === "classical") return 0;
  return asNumber(card.parameters) ?? asNumber(card.training_card?.parameters);
}

function licencesOf(card) { return [card.code_licence ? `code: ${card.code_licence}` : null, card.weights_licence ? `weights: ${card.weights_licence}` : null].filter(Boolean); }

let methodsOpen = false;
/** The foldable list of method filters; its summary says how many methods they leave. */
function methodFilters() {
  const methods = board().methods.filter((m) => m.method !== "untouched");
  const left = methods.filter(isWanted).length;
  const each = (values) => [["all", "all"], ...[...new Set(values)].sort().map((v) => [v, v])];
  const years = [...new Set(methods.map((m) => m.year).filter((y) => typeof y === "number"))].sort((a, b) => b - a);
  const search = el("label", { class: "field" }, "Name", el("input", { type: "search", "aria-label": "Search by name", value: state.q, oninput: (event) => choose({ q: event.target.value }) }));
  const fields = [
    ["q", search],
    ["prov", select("Provenance", state.prov, each(board().methods.map((m) => m.provenance)), (prov) => choose({ prov }))],
    ["mask", select("Mask", state.mask, each(methods.map(maskWord)), (mask) => choose({ mask }))],
    ["lic", select("Licence", state.lic, each(methods.flatMap(licencesOf)), (lic) => choose({ lic }))],
    ["size", select("Parameters", state.size, SIZES, (size) => choose({ size }))],
    ["year", select("Published since", state.year, [["", "any year"], ...years.map((y) => [String(y), String(y)])], (year) => choose({ year }))],
  ];
  for (const [name, node] of fields) node.dataset.field = name;
  const clear = el("button", { type: "button", disabled: !isFiltered(), onclick: () => choose(Object.fromEntries(METHOD_FILTERS.map((name) => [name, DEFAULTS[name]]))) }, "All methods");
  return el("details", { class: "picker", id: "methods", open: methodsOpen, ontoggle: (event) => { methodsOpen = event.target.open; } },
    el("summary", {}, isFiltered() ? `Methods: ${left} of ${methods.length}` : `Methods: all ${methods.length}`), el("div", { class: "which" }, fields.map(([, node]) => node), clear));
}

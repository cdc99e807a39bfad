// Elements, numbers as text, and tables with their exports. Text from data is only ever set as text.

/** An element: el("td", {class: "x", onclick: f}, "text", child). */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "hue") paint(node, value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return node;
}

function paint(node, hue) { node.style.setProperty("--c", hue < 0 ? "var(--h-untouched)" : `var(--h${hue})`); }
function fill(id, ...children) { document.getElementById(id).replaceChildren(...children.flat().filter(Boolean)); }
function methodCard(id) { return board().methods.find((m) => m.method === id) || { method: id, title: id, hue: -1 }; }
function dot(card) { return el("span", { class: card.cycle ? `dot k${card.cycle}` : "dot", "aria-hidden": "true" }); }
function methodName(id, withTitle = true) {
  const card = methodCard(id);
  return el("span", { class: "method", hue: card.hue }, dot(card), el("span", {}, cardLink("method", id, withTitle ? card.title : id), dependentMethods().has(id) ? daggerOf() : null));
}
function daggerOf() { return el("sup", { class: "dagger", title: `${state.judge} took part in this method's training: no independent judge of it` }, "†"); }

const GLOSSARY_PATTERN = new RegExp(`(?<![\\w@])(${Object.keys(GLOSSARY).sort((a, b) => b.length - a.length).join("|")})(?!\\w)`, "i");
const GLOSSARY_KEYS = new Map(Object.keys(GLOSSARY).map((k) => [k.toLowerCase(), k]));
/** Text as nodes, the first occurrence of each word of the glossary with its meaning as a hover; `seen` spans texts. */
function terms(text, seen = new Set()) {
  const nodes = [];
  let rest = String(text);
  let held = "";
  for (let found = GLOSSARY_PATTERN.exec(rest); found; found = GLOSSARY_PATTERN.exec(rest)) {
    const key = GLOSSARY_KEYS.get(found[0].toLowerCase());
    held += rest.slice(0, found.index);
    rest = rest.slice(found.index + found[0].length);
    // capitals are another word: "raw" is one of ours, "Raw" at a sentence's start may be a name
    if (seen.has(key) || (key === key.toUpperCase() && found[0] !== key)) { held += found[0]; continue; }
    seen.add(key);
    nodes.push(held, el("abbr", { class: "term", title: GLOSSARY[key] }, found[0]));
    held = "";
  }
  nodes.push(held + rest);
  return nodes.filter((n) => n !== "");
}

// direction and unit of every figure that is no image metric: one table, kept by the benchmark
const withUnit = (...units) => new Set(Object.values(QUANTITIES).filter((q) => units.includes(q.unit)).map((q) => q.id));
const SHARES = withUnit("share", "change");
const GAINS = withUnit("change");
const LOWER = new Set(Object.values(QUANTITIES).filter((q) => q.direction === "lower").map((q) => q.id));
const WORDS = Object.fromEntries(Object.values(QUANTITIES).map((q) => [q.id, q.title]));
/** A method's mask: where it is from, "blind" for a method that needs none. */
function maskWord(card) { return card.needs_mask || card.mask_source !== "none" ? card.mask_source : "blind"; }

function asNumber(value) { return value === "inf" ? Infinity : typeof value === "number" ? value : null; }

/** A figure as text: shares in percent, image figures at their usual precision; benchmark/board/figure_text.py has the same rules. */
function figure(metric, value, sign = false) {
  return plainFigure(metric, value, sign).replaceAll("-", "\u2212");
}

function plainFigure(id, value, sign) {
  const metric = id.split("@")[0];
  const x = asNumber(value);
  if (x === null) return "–";
  // identical to the truth: counted at the ceiling, as in every mean of it
  if (x === Infinity) return metric === "psnr" ? `${PSNR_CEILING} (identical)` : "∞";
  const plus = sign && x > 0 ? "+" : "";
  if (SHARES.has(metric)) return plus + (100 * x).toFixed(LOWER.has(metric) ? 2 : 1);
  if (metric === "parameters" || metric === "macs") return x === 0 ? "0" : x >= 1e9 ? `${(x / 1e9).toPrecision(3)} G` : `${(x / 1e6).toPrecision(3)} M`;
  if (["latency_ms", "throughput", "peak_memory_mb"].includes(metric)) return x >= 100 ? x.toFixed(0) : String(Number(x.toPrecision(3)));
  if (metric === "psnr") return plus + x.toFixed(2);
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return plus + String(x);
  // three decimals would leave nothing of a small difference, or a zero with a sign
  if (Math.abs(x) < 0.01) return plus + (Math.abs(x) < 1e-6 ? x.toExponential(1) : x.toFixed(1 - Math.floor(Math.log10(Math.abs(x)))));
  return plus + (Math.abs(x) >= 100 ? x.toFixed(1) : Math.abs(x) >= 10 ? x.toFixed(2) : x.toFixed(3));
}

/** An FMR target as people say it: 0.001 -> "0.1 %". */
function targetWords(target) { return `${Number((100 * Number(target)).toPrecision(4))}\u00a0%`; }

/** A biometric figure at its target: "FNMR at FMR 0.1 %", "FNMR at equal FMR 0.1 %". */
function atTarget(id, target) {
  const words = WORDS[id] || id;
  return !target ? words : `${words}${words.endsWith(" FMR") ? "" : " at FMR"} ${targetWords(target)}`;
}

function interval(metric, low, high) {
  return asNumber(low) === null || asNumber(high) === null ? "" : `${figure(metric, low)} to ${figure(metric, high)}`;
}

function contextWords(key) { return key.split("/").join(", "); }

/** A name as a link that opens its card. */
function cardLink(kind, id, ...words) { return el("a", { href: addressOf({ card: `${kind}:${id}` }), "data-card": `${kind}:${id}` }, words.length ? words : id); }
/** A context's words, its dataset and occlusion as links to their cards. */
function contextLinks(key) {
  const [dataset, occlusion, ...rest] = key.split("/");
  return [cardLink("dataset", dataset), ", ", cardLink("occlusion", occlusion), rest.map((r) => `, ${r}`).join("")];
}
/** "; judge: edgeface" with the matcher's card, nothing where no matcher ran. */
function judgeLinks() { return state.judge ? ["; ", ...terms("judge"), ": ", cardLink("matcher", state.judge)] : []; }
function sliceWords(name) { return name === "all" ? "all" : name.startsWith("coverage=") ? `${name.slice(9).replace(/\s*%$/, "")} %` : name.replace("=", " = "); }

function select(label, value, options, change) {
  const box = el("select", { "aria-label": label, onchange: (event) => change(event.target.value) });
  for (const [id, text] of options) box.append(el("option", { value: id, selected: id === value }, text));
  return el("label", { class: "field" }, label, box);
}

// --------------------------------------------------------------------------------------------------------------- tables

/** A scrollable table from {caption, columns: [{id, label, sub, word, card}], rows: [{head, cells: [node or text], class}]}. */
function makeTable({ caption, columns, rows, sort, onsort, name }) {
  const head = columns.map((c) => {
    const label = [el("span", {}, c.term ? el("abbr", { class: "term", title: c.term }, c.label) : terms(c.label)), c.sub ? el("span", { class: "sub" }, c.sub) : null].filter(Boolean);
    // a heading that sorts is a button already: its card has a link of its own beside it
    const card = hasCard(c.card) ? c.card : null;
    const about = card ? el("a", { href: addressOf({ card }), "data-card": card, class: "about", "aria-label": `About ${c.label}` }, "i") : null;
    const inner = onsort ? [el("button", { type: "button", "data-column": c.id, onclick: () => onsort(c.id) }, ...label), about].filter(Boolean)
      : card ? [el("a", { href: addressOf({ card }), "data-card": card }, ...label)] : label;
    const order = sort && sort.id === c.id ? (sort.descending ? "descending" : "ascending") : onsort ? "none" : null;
    return el("th", { scope: "col", "aria-sort": order, class: c.word ? "word" : null }, ...inner);
  });
  const body = rows.map((r) => el("tr", { class: r.class, "data-method": r.method },
    el("th", { scope: "row" }, r.head),
    r.cells.map((c, i) => (c instanceof HTMLElement && c.tagName === "TD" ? c : el("td", { class: columns[i + 1]?.word ? "word" : null }, c ?? "–")))));
  const node = el("table", { "data-export": name },
    caption ? el("caption", {}, el("span", {}, typeof caption === "string" ? terms(caption) : caption)) : null, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
  const frame = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": regionName(name, node), onscroll: (event) => markEdge(event.currentTarget) }, node);
  frames.observe(frame);
  return el("div", { class: "table" }, frame, exportButtons(node));
}

/** What a table's region is called: its name and its caption's first clause, so that no two tables of a view are called alike. */
function regionName(name, node) {
  const words = (node.caption?.textContent || "").split(/[;.] /)[0];
  return [(name || "table").replaceAll("-", " "), words].filter(Boolean).join(": ");
}

/** A shade at a table's right edge says that columns wait beyond it. */
function markEdge(frame) {
  frame.classList.toggle("more", frame.scrollLeft + frame.clientWidth < frame.scrollWidth - 2);
  // a plot is a stop of the keyboard only where there is something to scroll to
  if (frame.matches(".plots .card")) frame.toggleAttribute("tabindex", frame.scrollWidth > frame.clientWidth + 2);
  if (frame.hasAttribute("tabindex")) frame.tabIndex = 0;
}
const frames = new ResizeObserver((seen) => { for (const entry of seen) markEdge(entry.target); });

/** The shown cells of a table as rows of text, headings first. */
function tableText(node) {
  const words = (cell) => {
    const parts = [];
    for (const child of cell.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) parts.push(child.textContent);
      else if (child.matches(".sr, sup, .about, .unfold, [aria-hidden]")) continue;
      else if (child.matches(".sub")) parts.push(` (${child.textContent})`);
      else parts.push(words(child));
    }
    return parts.join("").replace(/\s+/g, " ").replace(/\u2212(?=\d)/g, "-").trim();
  };
  return [...node.querySelectorAll("tr")].map((row) => [...row.cells].map(words));
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;
/** Text with every character visible: \n, \u202e in place of what is not. */
function visible(text) {
  return text.replace(HIDDEN, (c) => {
    const code = c.codePointAt(0), hex = (digits) => code.toString(16).padStart(digits, "0");
    return { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[c] || (code < 0x100 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`);
  });
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "&#64;", "|": "\\|" };
const LATEX = {
  "\\": "\\textbackslash{}", "^": "\\^{}", "~": "\\textasciitilde{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}",
  "[": "{[}", "]": "{]}", "*": "{*}", "–": "--", "∞": "$\\infty$", "′": "'",
};
/** A cell as each kind of file shows it, and as nothing else: no formula, no HTML, no command. */
const CELLS = {
  csv: (c) => {
    const figure = /^[+-]\d[-+\d.,\s%()]*(?:(?:to|e)[-+\d.,\s%()]*)*$/.test(c);
    const safe = /^'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(c) && !figure ? `'${visible(c)}` : visible(c);
    return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  },
  md: (c) => visible(c).replace(/[\\`*{}[\]#!~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, "\\$&").replace(/[&<>$@|]/g, (x) => ENTITIES[x])
    .replace(/^([-+]|\d+[.)])(?=\s|$)/, (x) => `${x.slice(0, -1)}\\${x.at(-1)}`),
  tex: (c) => visible(c).replace(/[\\{}$&#^_%~<>|[\]*–∞′]/g, (x) => LATEX[x] || `\\${x}`),
};

const EXPORTS = {
  csv: (rows) => rows.map((r) => r.map(CELLS.csv).join(",")).join("\n"),
  json: (rows) => JSON.stringify(rows.slice(1).map((r) => Object.fromEntries(r.map((c, i) => [visible(rows[0][i]) || `column ${i + 1}`, visible(c)]))), null, 1),
  md: (rows) => [rows[0].map(CELLS.md), rows[0].map((_, i) => (i ? "---:" : "---")), ...rows.slice(1).map((r) => r.map(CELLS.md))]
    .map((r) => `| ${r.join(" | ")} |`).join("\n"),
  tex: (rows) => {
    const line = (r) => `${r.map(CELLS.tex).join(" & ")} \\\\`;
    return [`\\begin{tabular}{l${"r".repeat(rows[0].length - 1)}}`, "\\toprule", line(rows[0]), "\\midrule", ...rows.slice(1).map(line), "\\bottomrule", "\\end{tabular}"].join("\n");
  },
};

/** Buttons that save a table as it is shown. */
function exportButtons(node) {
  return el("p", { class: "save" }, "Save as ", ["csv", "json", "md", "tex"].map((kind) => el("button", {
    type: "button", "aria-label": `Save the table ${node.dataset.export || ""} as ${kind}`, "data-kind": kind,
    onclick: () => {
      const text = EXPORTS[kind](tableText(node));
      const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "text/plain" })), download: `${node.dataset.export || "table"}.${kind}` });
      link.click();
      URL.revokeObjectURL(link.href);
    },
  }, kind)));
}

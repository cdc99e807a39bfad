// Plots, recognition, agreement, speed and slices.

// ---------------------------------------------------------------------------------------------------------------- plots

function figureTemplate(key) { return document.querySelector(`template[data-figure="${CSS.escape(`${state.run}/${key}`)}"]`); }

function fillPlots(where, keys) {
  const holder = document.querySelector(`[data-plots="${where}"]`);
  const found = keys.map(figureTemplate).filter(Boolean);
  holder.replaceChildren(...found.map((t) => {
    const drawing = t.content.cloneNode(true);
    const words = drawing.querySelector("svg")?.getAttribute("aria-label");
    return el("div", { class: "card", role: "group", "aria-label": words ? `Plot: ${words}` : "Plot" }, drawing);
  }));
  if (!found.length) holder.append(el("p", { class: "missing" }, "No figure is drawn for this choice: the run has no such data, or the page's limit of figures was reached (see the notes on the Overview)."));
  for (const frame of holder.querySelectorAll(".card")) frames.observe(frame);
  nameMarks(holder);
  focusMethod();
}

const SVG = "http://www.w3.org/2000/svg";
/** Gives every mark its method's name as a hover, and every line a breadth that a pointer can hit. */
function nameMarks(holder) {
  const order = methodOrder();
  for (const mark of holder.querySelectorAll("svg [data-m]")) {
    const id = order[Number(mark.dataset.m)];
    if (id === undefined) continue;
    const title = document.createElementNS(SVG, "title");
    title.textContent = methodCard(id).title;
    mark.prepend(title);
    for (const path of mark.querySelectorAll(":scope > path")) {
      const hit = path.cloneNode();
      hit.removeAttribute("id");
      hit.setAttribute("class", "hit");
      path.after(hit);
    }
  }
}

/** What a pointer is on stands out in every plot of the view, as a chosen method does. */
function pointAt(event) {
  const mark = event.target.closest?.("[data-plots] svg [data-m]");
  pointed = mark ? Number(mark.dataset.m) : -1;
  focusMethod();
}
let pointed = -1;

function drawLegends() {
  const shown = new Set(["untouched", ...(board().highlighted[context()] || [])]);
  for (const holder of document.querySelectorAll("[data-legend]")) {
    const ids = methodOrder();
    holder.replaceChildren(...[...ids.filter((id) => shown.has(id)), ...ids.filter((id) => !shown.has(id))].map((id) => {
      const node = el("button", { type: "button", class: shown.has(id) ? null : "quiet", "aria-pressed": String(state.focus === id), hue: methodCard(id).hue, onclick: () => { choose({ focus: state.focus === id ? "" : id }); } },
        dot(methodCard(id)), methodCard(id).title, dependentMethods().has(id) ? daggerOf() : null);
      node.dataset.method = id;
      return node;
    }));
  }
}

/** Method ids in the order of their colours: the place in it is the figures' data-m. */
function methodOrder() { return ["untouched", ...board().methods.map((m) => m.method).filter((m) => m !== "untouched")]; }

function focusMethod() {
  const index = pointed >= 0 ? pointed : methodOrder().indexOf(state.focus);
  for (const holder of document.querySelectorAll("[data-plots]")) {
    holder.classList.toggle("dim", index >= 0);
    for (const mark of holder.querySelectorAll("svg [data-m]")) mark.classList.toggle("on", Number(mark.dataset.m) === index);
  }
}

// --------------------------------------------------------------------------------------------------------------- tables

function drawRecognition() {
  const judges = board().judges[context()] || [];
  if (!judges.length) {
    fill("recognition-tools"); fill("target-tools"); fill("settings", el("p", { class: "missing" }, "No matcher ran on this choice."));
    fillPlots("recognition", []);
    return;
  }
  const where = `${context()}/${state.judge}`;
  fill("recognition-tools", select("Curves of", state.set, [["UT", "UT: restored probe, true gallery"], ["UU", "UU: both restored"]], (set) => choose({ set })));
  fillPlots("recognition", [`equal/${where}`, `det/${where}/${state.set}`, `trade/${where}`, `roc/${where}/${state.set}`, `scores/${where}/${state.set}`]);
  const mine = rowsOf("verification", context()).filter((r) => r.matcher === state.judge && r.slice === "all" && r.policy === "penalised");
  const [, target] = judge();
  const targets = [...new Set(mine.map((r) => r.target))].filter((t) => t !== null).sort((a, b) => b - a);
  const wanted = state.tg === "all" ? targets : targets.filter((t) => (targets.includes(Number(state.tg)) ? t === Number(state.tg) : t === target));
  fill("target-tools", targets.length > 1 ? select("Threshold of", state.tg, [["judge", "the judge's FMR target"], ...targets.map((t) => [String(t), `FMR ${targetWords(t)}`]), ["all", "every FMR target"]], (tg) => choose({ tg })) : null);
  // what methods are ranked by first, then the kept threshold's errors, then what needs none
  const order = ["fnmr_equal", "fnmr", "fmr", "accuracy", "auc", "eer", "dprime", "tmr", "tpr", "fpr", "identity_cosine", "coverage"];
  const kinds = [...new Set(mine.filter((r) => r.target === null || wanted.includes(r.target)).map((r) => `${r.metric}@${r.target ?? ""}`))]
    .filter((k) => !/^(fnmr_recovered|fmr_added|recovered_equal|recovered_kept)@/.test(k))
    .sort((a, b) => order.indexOf(a.split("@")[0]) - order.indexOf(b.split("@")[0]));
  const settings = ["TT", "MT", "MM", "UT", "UU"];
  const lines = [];
  const worst = kinds.length && LOWER.has(kinds[0].split("@")[0]) ? 1 : -1;
  const first = (setting, method) => worst * (asNumber(mine.find((r) => r.setting === setting && r.method === method && `${r.metric}@${r.target ?? ""}` === kinds[0])?.value) ?? worst * 9);
  for (const setting of settings) {
    const there = [...new Set(mine.filter((r) => r.setting === setting).map((r) => r.method))].sort((a, b) => first(setting, a) - first(setting, b));
    for (const method of there) {
      const cells = kinds.map((k) => mine.find((r) => r.setting === setting && r.method === method && `${r.metric}@${r.target ?? ""}` === k));
      lines.push({ head: el("span", {}, el("strong", {}, `${setting} `), method ? methodName(method) : "never occluded"), class: method === "untouched" ? "floor" : method ? null : "ceiling",
        cells: cells.map((r) => (r ? (r.refused ? el("td", { title: r.refused }, "refused") : figureCell({ metric: r.metric }, { ...r, flag: r.independent ? "" : "†" }, "")) : el("td", {}, "–"))) });
    }
  }
  fill("settings", makeTable({ name: "settings", caption: [...contextLinks(context()), ...judgeLinks(), "; failures count as the lowest score"],
    columns: [{ id: "s", label: "Setting" }, ...kinds.map((k) => { const [m, t] = k.split("@"); return { id: k, card: `metric:${m}`, label: (WORDS[m] || m) + (SHARES.has(m) ? ", %" : ""), sub: !t ? (["accuracy", "tpr", "fpr"].includes(m) ? "most accurate threshold, kept" : "") : ["tmr", "fnmr_equal"].includes(m) ? `FMR ${targetWords(t)}, own threshold` : `kept threshold, FMR ${targetWords(t)}` }; })], rows: lines }));
}

function drawAgreement() {
  const where = `${context()}/${state.judge}`;
  fillPlots("agreement", [`agreement/${where}`, `samples/${where}`]);
  const rows = rowsOf("correlations", context());
  if (!rows.length) { fill("correlations", el("p", { class: "missing" }, "No correlations are stored for this choice.")); return; }
  fill("correlations", ["methods", "samples"].map((over) => {
    const mine = rows.filter((r) => r.over === over);
    if (!mine.length) return null;
    const columns = [...new Set(mine.map((r) => `${r.biometric}|${r.matcher}`))];
    const lines = [...new Set(mine.map((r) => `${r.image_metric}|${r.region}`))];
    return [el("h3", {}, over === "methods" ? `Over methods (n = ${mine[0].n})` : `Over samples (n = ${mine[0].n})`), makeTable({
      name: `correlations-${over}`, caption: "Spearman's ρ with its 95 % interval, Kendall's τ. ▲ a better picture goes with better recognition, ▽ with worse, · the interval holds zero.",
      columns: [{ id: "m", label: "Image metric" }, ...columns.map((c) => ({ id: c, card: c.startsWith("similarity") ? `matcher:${c.split("|")[1]}` : `metric:${c.split(/[@|]/)[0]}`, label: biometricWords(c.split("|")[0]), sub: c.split("|")[1] }))],
      rows: lines.map((line) => ({ head: el("span", {}, cardLink("metric", line.split("|")[0]), `, ${line.split("|")[1]}`), cells: columns.map((c) => {
        const r = mine.find((x) => `${x.image_metric}|${x.region}` === line && `${x.biometric}|${x.matcher}` === c);
        if (!r || r.spearman === null) return el("td", {}, "–");
        const clear = r.spearman_low > 0 || r.spearman_high < 0;
        // of two figures of which one is better when lower, a negative rank correlation is agreement
        const lower = (name, list) => (list ? list.find((m) => m.metric === name)?.direction === "lower" : LOWER.has(name.split("@")[0]));
        const agrees = (r.spearman > 0) === (lower(r.image_metric, board().metrics) === lower(r.biometric));
        return el("td", {}, el(clear ? "strong" : "span", {}, r.spearman.toFixed(2).replace("-", "\u2212")), clear ? el("span", { class: `sub ${agrees ? "m-same" : "m-different"}` }, agrees ? "▲ agree" : "▽ contradict") : el("span", { class: "sub" }, "· unclear"), el("span", { class: "sub" }, `${r.spearman_low?.toFixed(2)} to ${r.spearman_high?.toFixed(2)}; τ ${r.kendall?.toFixed(2) ?? "–"}`.replaceAll("-", "\u2212")));
      }) })),
    })];
  }).flat());
}

/** 'fnmr@0.001' as 'FNMR at FMR 0.1 %'. */
function biometricWords(name) {
  const [id, target] = name.split("@");
  return atTarget(id, target);
}

function drawSpeed() {
  fillPlots("speed", [`pareto/${context()}/person`, `pareto/${context()}/picture`]);
  const run = board().run;
  const fields = ["latency_ms", "throughput", "best_batch", "parameters", "macs", "peak_memory_mb"];
  fill("speeds", makeTable({ name: "speed", caption: `${run.device}, ${run.precision}; ${[run.hardware.cpu, run.hardware.gpu].filter(Boolean).join(", ")}`,
    columns: [{ id: "m", label: "Method" }, ...fields.map((f) => ({ id: f, card: WORDS[f] ? `metric:${f}` : null, label: WORDS[f] || "Best batch" })), { id: "mask", label: "Mask" }],
    rows: methodsByRank().filter((m) => m.method !== "untouched").map((m) => ({ head: methodName(m.method), cells: [...fields.map((f) => el("td", {}, figure(f, f === "parameters" && m.provenance === "classical" ? 0 : m[f]), f === "latency_ms" && typeof m.latency_spread_ms === "number" ? el("span", { class: "sub" }, `± ${figure("latency_ms", m.latency_spread_ms)}`) : null)), maskWord(m)] })) }));
}

function sliceOptions() {
  const options = [];
  const [matcher, target, metric] = judge() || [];
  if (judge() && rowsOf("verification", context()).some((r) => r.slice !== "all" && r.metric === metric)) options.push([`v:${metric}@${target ?? ""}:UT`, `${atTarget(metric, target)}, ${matcher}`]);
  for (const key of new Set(rowsOf("rows", context()).filter((r) => r.slice !== "all").map((r) => `i:${r.metric}:${r.region}`))) options.push([key, `${describe(key).label}, ${describe(key).sub}`]);
  return options;
}

function drawSlices() {
  fillPlots("slices", [`coverage/${context()}/person`, `coverage/${context()}/picture`]);
  const options = sliceOptions();
  const main = `i:${(board().pictures[context()] || []).join(":")}`;
  const known = options.map(([k]) => k);
  const chosen = [state.slice, ...inOrder(known.filter((k) => k[0] === "v"), [main])].find((k) => known.includes(k)) || known[0];
  if (!chosen) { fill("slice-tools"); fill("slices", el("p", { class: "missing" }, "This run has no slices. A suite's slice_by names them (coverage, or any attribute of its dataset), and bench score then adds them: no image is restored again.")); return; }
  const [metric, second] = chosen.slice(2).split(/[@:]/);
  const rows = chosen[0] === "v"
    ? rowsOf("verification", context()).filter((r) => r.metric === metric && String(r.target ?? "") === second && r.matcher === state.judge && r.policy === "penalised" && (r.setting === "UT" || (r.setting === "MT" && r.method === "untouched")))
    : rowsOf("rows", context()).filter((r) => r.metric === metric && r.region === second);
  const kinds = [...new Set(rows.map((r) => r.slice.split("=")[0]))].filter((k) => k !== "all");
  const by = kinds.includes(state.by) ? state.by : kinds[0];
  fill("slice-tools", select("Figure", chosen, options, (slice) => choose({ slice })), kinds.length ? select("By", by, kinds.map((k) => [k, k]), (value) => choose({ by: value })) : null);
  const lower = (s) => { const n = parseFloat(s.split("=")[1]); return Number.isNaN(n) ? Infinity : n; };
  const parts = ["all", ...[...new Set(rows.map((r) => r.slice))].filter((s) => s.split("=")[0] === by).sort((a, b) => lower(a) - lower(b) || a.localeCompare(b))];
  const higher = describe(chosen).higher;
  const methods = methodsByRank().filter((m) => rows.some((r) => r.method === m.method));
  fill("slices", makeTable({ name: `slices-${by}`, caption: [cardLink("metric", describe(chosen).metric, describe(chosen).label), ` (${describe(chosen).sub}) by ${by}; ▼ clearly worse than the whole, ▲ clearly better`],
    columns: [{ id: "m", label: "Method" }, ...parts.map((p) => ({ id: p, label: sliceWords(p), sub: sizeOf(rows, p) }))],
    rows: methods.map((m) => {
      const whole = rows.find((r) => r.method === m.method && r.slice === "all");
      return { head: methodName(m.method), class: m.method === "untouched" ? "floor" : null, cells: parts.map((p) => {
        const r = rows.find((x) => x.method === m.method && x.slice === p);
        if (!r) return el("td", {}, "–");
        const worse = p !== "all" && whole && asNumber(r.low) !== null && asNumber(whole.low) !== null && (higher ? r.high < whole.low : r.low > whole.high);
        const better = p !== "all" && whole && asNumber(r.low) !== null && asNumber(whole.low) !== null && (higher ? r.low > whole.high : r.high < whole.low);
        return el("td", { title: r.refused || r.note || null, class: worse ? "worse" : null }, `${worse ? "▼ " : better ? "▲ " : ""}${r.refused ? "refused" : figure(metric, r.value)}`, el("span", { class: "sub" }, interval(metric, r.low, r.high) || (p !== "all" && r.note ? "too few to compare" : "")));
      }) };
    }) }), judge() && !known.some((k) => k[0] === "v") ? el("p", { class: "note" }, "This run slices picture figures only: where recognition fails, the gallery tells, worst first by similarity.") : null);
}

function sizeOf(rows, part) {
  const r = rows.find((x) => x.slice === part);
  return r ? (r.n !== undefined ? `n = ${r.n}` : `${r.genuine} genuine`) : "";
}

// Overview, recognition, agreement, speed and slices.

function drawOverview() {
  const run = document.querySelector(`#view-overview [data-run="${state.run}"]`);
  const found = board().verdicts[context()];
  const article = run.querySelector("[data-verdict]");
  const best = found?.best ?? null;
  article.style.setProperty("--c", best ? (methodCard(best).hue < 0 ? "var(--h-untouched)" : `var(--h${methodCard(best).hue})`) : "var(--rule)");
  run.querySelector("[data-eyebrow]").textContent = `${board().names}: ${contextWords(context())}`;
  run.querySelector("[data-headline]").textContent = found ? found.headline : "This run has no figures here.";
  run.querySelector("[data-answers]").replaceChildren(...(found?.points || []).map((p) => el("div", {}, el("dt", {}, p.question), el("dd", {}, p.answer))));
  const all = availableColumns();
  fill("short", leaderboardTable(defaultColumns(all).filter((c) => !c.startsWith("i:psnr") && !c.startsWith("i:ssim") && c !== "c:failed"), { sortable: false, keys: [context()], name: "summary" }));
  document.getElementById("short-note").textContent = "Tinted cells cannot be told from the best; letters are rank groups. † took part in the method's training. More in the Leaderboard.";
  drawLook(best);
  fillPlots("overview", [`pareto/${context()}/person`, `pareto/${context()}/picture`].filter((k) => figureTemplate(k)).slice(0, 1));
  const others = Object.entries(board().verdicts);
  fill("contexts", others.length > 1 ? [el("h3", {}, "The same question elsewhere"), makeTable({
    name: "verdicts", columns: [{ id: "where", label: "Where" }, { id: "answer", label: "Answer", word: true }],
    rows: others.map(([key, v]) => ({ head: contextWords(key), cells: [v.headline] })),
  })] : []);
}

function drawLook(best) {
  const [dataset, occlusion, output] = context().split("/");
  const samples = board().gallery.filter((g) => g.dataset === dataset && g.occlusion === occlusion);
  const shown = best || board().methods.map((m) => m.method).find((m) => m !== "untouched");
  const sample = samples.find((g) => g.methods[shown]?.[output] !== null && g.methods[shown]?.[output] !== undefined);
  if (!sample) { fill("look", el("p", { class: "missing" }, "No picture of this method is in the run folder.")); return; }
  const one = (number, words) => el("figure", {}, el("img", { src: imageSource(number), alt: words }), el("figcaption", {}, words));
  fill("look", el("div", { class: "triptych" }, one(sample.occluded, "Occluded"), one(sample.methods[shown][output], `${methodCard(shown).title}, ${output}`), one(sample.truth, "Truth")),
    el("button", { type: "button", onclick: () => choose({ view: "gallery", gm: shown }) }, "Open the gallery"));
}

// ---------------------------------------------------------------------------------------------------------------- plots

function figureTemplate(key) { return document.querySelector(`template[data-figure="${CSS.escape(`${state.run}/${key}`)}"]`); }

function fillPlots(where, keys) {
  const holder = document.querySelector(`[data-plots="${where}"]`);
  const found = keys.map(figureTemplate).filter(Boolean);
  holder.replaceChildren(...found.map((t) => el("div", { class: "card" }, t.content.cloneNode(true))));
  if (!found.length) holder.append(el("p", { class: "missing" }, "No figure is drawn for this choice: the run has no such data, or the page's limit of figures was reached (see the notes on the Overview)."));
  focusMethod();
}

function drawLegends() {
  for (const holder of document.querySelectorAll("[data-legend]")) {
    holder.replaceChildren(...methodOrder().map((id) => {
      const node = el("button", { type: "button", "aria-pressed": String(state.focus === id), hue: methodCard(id).hue, onclick: () => { choose({ focus: state.focus === id ? "" : id }); } },
        el("span", { class: "dot", "aria-hidden": "true" }), id);
      node.dataset.method = id;
      return node;
    }));
  }
}

/** Method ids in the order of their colours: the place in it is the figures' data-m. */
function methodOrder() { return ["untouched", ...board().methods.map((m) => m.method).filter((m) => m !== "untouched")]; }

function focusMethod() {
  const index = methodOrder().indexOf(state.focus);
  for (const holder of document.querySelectorAll("[data-plots]")) {
    holder.classList.toggle("dim", index >= 0);
    for (const mark of holder.querySelectorAll("svg [data-m]")) mark.classList.toggle("on", Number(mark.dataset.m) === index);
  }
}

// --------------------------------------------------------------------------------------------------------------- tables

function drawRecognition() {
  const judges = board().judges[context()] || [];
  if (!judges.length) {
    fill("recognition-tools"); fill("settings", el("p", { class: "missing" }, "No matcher ran on this choice."));
    fillPlots("recognition", []);
    return;
  }
  const where = `${context()}/${state.judge}`;
  fill("recognition-tools", select("Curves of", state.set, [["UT", "UT: restored probe, true gallery"], ["UU", "UU: both restored"]], (set) => choose({ set })));
  fillPlots("recognition", [`roc/${where}/${state.set}`, `det/${where}/${state.set}`, `scores/${where}/${state.set}`, `trade/${where}`]);
  const mine = rowsOf("verification", context()).filter((r) => r.matcher === state.judge && r.slice === "all" && r.policy === "penalised");
  const kinds = [...new Set(mine.map((r) => `${r.metric}@${r.target ?? ""}`))].filter((k) => !/^(fnmr_recovered|fmr_added|fnmr)@/.test(k));
  const settings = ["TT", "MT", "MM", "UT", "UU"];
  const lines = [];
  for (const setting of settings) {
    for (const method of [...new Set(mine.filter((r) => r.setting === setting).map((r) => r.method))]) {
      const cells = kinds.map((k) => mine.find((r) => r.setting === setting && r.method === method && `${r.metric}@${r.target ?? ""}` === k));
      lines.push({ head: el("span", {}, el("strong", {}, `${setting} `), method ? methodName(method, false) : "never occluded"), class: method === "untouched" ? "floor" : method ? null : "ceiling",
        cells: cells.map((r) => (r ? (r.refused ? el("td", { title: r.refused }, "refused") : figureCell({ metric: r.metric }, { ...r, flag: r.independent ? "" : "†" }, "")) : el("td", {}, "–"))) });
    }
  }
  fill("settings", makeTable({ name: "settings", caption: `${contextWords(context())}; ${state.judge}; failures count as the lowest score`,
    columns: [{ id: "s", label: "Setting" }, ...kinds.map((k) => { const [m, t] = k.split("@"); return { id: k, label: (WORDS[m] || m) + (SHARES.has(m) ? ", %" : ""), sub: t ? `threshold of ${targetWords(t)}` : "" }; })], rows: lines }));
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
      name: `correlations-${over}`, caption: "Spearman's ρ with its 95 % interval, Kendall's τ below. Bold: the interval leaves out zero.",
      columns: [{ id: "m", label: "Image metric" }, ...columns.map((c) => ({ id: c, label: c.split("|")[0], sub: c.split("|")[1] }))],
      rows: lines.map((line) => ({ head: line.replace("|", ", "), cells: columns.map((c) => {
        const r = mine.find((x) => `${x.image_metric}|${x.region}` === line && `${x.biometric}|${x.matcher}` === c);
        if (!r || r.spearman === null) return el("td", {}, "–");
        const clear = r.spearman_low > 0 || r.spearman_high < 0;
        return el("td", {}, el(clear ? "strong" : "span", {}, r.spearman.toFixed(2)), el("span", { class: "sub" }, `${r.spearman_low?.toFixed(2)} to ${r.spearman_high?.toFixed(2)}; τ ${r.kendall?.toFixed(2) ?? "–"}`));
      }) })),
    })];
  }).flat());
}

function drawSpeed() {
  fillPlots("speed", [`pareto/${context()}/person`, `pareto/${context()}/picture`]);
  const run = board().run;
  const fields = ["latency_ms", "throughput", "best_batch", "parameters", "macs", "peak_memory_mb"];
  fill("speeds", makeTable({ name: "speed", caption: `${run.device}, ${run.precision}; ${[run.hardware.cpu, run.hardware.gpu].filter(Boolean).join(", ")}`,
    columns: [{ id: "m", label: "Method" }, ...fields.map((f) => ({ id: f, label: WORDS[f] || "Best batch" })), { id: "mask", label: "Mask" }],
    rows: board().methods.map((m) => ({ head: methodName(m.method), cells: [...fields.map((f) => el("td", {}, figure(f, m[f]), f === "latency_ms" && typeof m.latency_spread_ms === "number" ? el("span", { class: "sub" }, `± ${figure("latency_ms", m.latency_spread_ms)}`) : null)), m.needs_mask ? m.mask_source : "blind"] })) }));
}

function sliceOptions() {
  const options = [];
  const [matcher, target, metric] = judge() || [];
  if (judge()) options.push([`v:${metric}@${target ?? ""}:UT`, `${WORDS[metric]}${target ? ` at FMR ${targetWords(target)}` : ""}, ${matcher}`]);
  for (const key of new Set(rowsOf("rows", context()).filter((r) => r.slice !== "all").map((r) => `i:${r.metric}:${r.region}`))) options.push([key, key.slice(2).replace(":", ", ")]);
  return options;
}

function drawSlices() {
  fillPlots("slices", [`coverage/${context()}/person`, `coverage/${context()}/picture`]);
  const options = sliceOptions();
  const chosen = options.some(([k]) => k === state.slice) ? state.slice : options[0]?.[0];
  if (!chosen) { fill("slice-tools"); fill("slices", el("p", { class: "missing" }, "No slices are stored for this choice.")); return; }
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
  const methods = board().methods.filter((m) => rows.some((r) => r.method === m.method));
  fill("slices", makeTable({ name: `slices-${by}`, caption: `${describe(chosen).label} by ${by}; ▼ marks a slice clearly worse than the whole`,
    columns: [{ id: "m", label: "Method" }, ...parts.map((p) => ({ id: p, label: sliceWords(p), sub: sizeOf(rows, p) }))],
    rows: methods.map((m) => {
      const whole = rows.find((r) => r.method === m.method && r.slice === "all");
      return { head: methodName(m.method), class: m.method === "untouched" ? "floor" : null, cells: parts.map((p) => {
        const r = rows.find((x) => x.method === m.method && x.slice === p);
        if (!r) return el("td", {}, "–");
        const worse = p !== "all" && whole && asNumber(r.low) !== null && asNumber(whole.low) !== null && (higher ? r.high < whole.low : r.low > whole.high);
        return el("td", { title: r.refused || null }, `${worse ? "▼ " : ""}${r.refused ? "refused" : figure(metric, r.value)}`, el("span", { class: "sub" }, interval(metric, r.low, r.high)));
      }) };
    }) }));
}

function sizeOf(rows, part) {
  const r = rows.find((x) => x.slice === part);
  return r ? (r.n !== undefined ? `n = ${r.n}` : `${r.genuine} genuine`) : "";
}

// The leaderboard. Column ids: "v:fnmr@0.001:UT" (biometric, by the chosen judge), "i:psnr:hole" (image), "c:latency_ms" (cost).

function availableColumns() {
  const person = new Set();
  const image = new Set();
  const [matcher] = judge() || [""];
  for (const key of contexts()) {
    const found = lookup(key);
    for (const r of found.person.values()) {
      if (r.matcher === matcher && (r.setting === "UT" || r.setting === "UU")) person.add(`v:${r.metric}@${r.target ?? ""}:${r.setting}`);
    }
    for (const r of found.image.values()) image.add(`i:${r.metric}:${r.region}`);
  }
  const cost = ["mask", "latency_ms", "parameters", "macs", "throughput", "peak_memory_mb", "failed", "provenance", "year"];
  return { person: [...person], image: [...image], cost: cost.map((c) => `c:${c}`) };
}

function defaultColumns(all) {
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  return [...inOrder(mainJudgedColumns(all), pictureColumns(all)), "c:mask", "c:latency_ms", "c:parameters", "c:failed"].filter((c) => known.has(c));
}

/** Few of them for the overview: the figure at equal FMR and at the kept threshold, and what is let in. */
function mainJudgedColumns(all) {
  if (!judge()) return [];
  const [, target, metric] = judge();
  const at = `@${target ?? ""}:UT`;
  const known = new Set(all.person);
  const recovered = known.has(`v:recovered_equal${at}`) ? ["recovered_equal", "fnmr", "recovered_kept"] : ["fnmr_recovered"];
  return [...new Set([metric, ...recovered, "fmr_added"])].map((m) => `v:${m}${at}`);
}

/** The person first where a matcher is independent of most methods, else the picture. */
function inOrder(person, picture) { return board().fair[context()] ? [...person, ...picture] : [...picture, ...person]; }

/** The main image metrics, the one that sums the context up first. */
function pictureColumns(all) {
  const main = board().pictures[context()];
  const region = (m) => ["hole", "whole"].map((r) => `i:${m}:${r}`).find((c) => all.image.includes(c));
  const found = [main ? `i:${main.join(":")}` : null, ...["lpips", "psnr", "ssim"].map(region)].filter(Boolean);
  // where the usual ones are few, others fill up, one region of each
  const used = new Set(found.map((c) => c.split(":")[1]));
  for (const c of all.image) if (used.size < 3 && !used.has(c.split(":")[1])) { used.add(c.split(":")[1]); found.push(region(c.split(":")[1]) || c); }
  return [...new Set(found)];
}

/** Few enough for the overview: with a judge one image metric, without one the main ones. */
function shortColumns(all) {
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  return [...inOrder(mainJudgedColumns(all), pictureColumns(all).slice(0, judge() ? 1 : 3)), "c:latency_ms", "c:parameters", "c:mask"].filter((c) => known.has(c));
}

function chosenColumns(all) {
  if (!state.cols) return defaultColumns(all);
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  return state.cols.split("~").filter((c) => known.has(c));
}

/** {id, label, sub, metric, higher} of a column id. */
function describe(id) {
  const kind = id[0];
  const rest = id.slice(2);
  if (kind === "v") {
    const [metric, target, setting] = rest.split(/[@:]/);
    const unit = GAINS.has(metric) ? ", pp" : SHARES.has(metric) ? ", %" : "";
    return { id, metric, higher: !LOWER.has(metric), label: (WORDS[metric] || metric) + unit, sub: `${setting}${target ? `, FMR ${targetWords(target)}${["tmr", "fnmr_equal", "recovered_equal"].includes(metric) ? ", own threshold" : metric === "accuracy" ? "" : ", kept"}` : ""}` };
  }
  if (kind === "i") {
    const [metric, region] = rest.split(":");
    const card = board().metrics.find((m) => m.metric === metric);
    return { id, metric, higher: card?.direction === "higher", label: (card?.title || metric) + (card?.unit ? `, ${card.unit}` : ""), sub: region, term: GLOSSARY[metric.toUpperCase()] };
  }
  const direction = QUANTITIES[rest]?.direction ?? null;
  const higher = direction === null ? null : direction === "higher";
  return { id, metric: rest, higher, label: WORDS[rest] || rest, sub: "", word: rest === "provenance" };
}

/** What stands in a cell: {value, low, high, group, rank, flag, text, title}. */
function cellOf(id, method, key) {
  const rest = id.slice(2);
  if (id[0] === "c") {
    const card = methodCard(method);
    if (rest === "mask" && method === "untouched") return { value: null, text: "–" };
    if (rest === "mask") return { value: maskWord(card) === "blind" ? 0 : 1, text: maskWord(card), badge: ["oracle", "unknown"].includes(maskWord(card)) ? "warn" : "",
      title: maskWord(card) === "blind" ? `needs no mask${key.endsWith("/composite") ? `; this composite took the ${board().worn.length ? "hole's" : "true"} mask to paste the visible pixels back` : ""}` : GLOSSARY[card.mask_source] };
    if (rest === "provenance") return { value: card.provenance, text: card.provenance };
    if (rest === "failed") {
      const [d, o] = key.split("/");
      const found = rowsOf("statuses", contextKey(d, o, "")).filter((s) => s.method === method && s.status !== "ok");
      const count = found.reduce((sum, s) => sum + s.count, 0);
      return { value: count, text: String(count), badge: count ? "bad" : "", title: found.map((s) => `${s.status}: ${s.message}`).join("; ") };
    }
    // a copy of the image takes time too, but says nothing of a method
    const value = method === "untouched" && rest !== "year" ? null : rest === "parameters" && card.provenance === "classical" ? 0 : card[rest] ?? null;
    return { value, text: rest === "year" ? String(value ?? "–") : figure(rest, value), title: rest === "latency_ms" && typeof card.latency_spread_ms === "number" ? `spread ${figure("", card.latency_spread_ms)} ms` : "" };
  }
  const found = lookup(key);
  if (id[0] === "i") {
    const r = found.image.get(`${rest}:${method}`);
    if (!r) return null;
    if (r.absent === "no_truth") return { value: null, text: "no truth here", contest: false, title: "nobody knows the pixels behind a mask that was worn" };
    const lacks = r.of !== null && r.of !== undefined && r.n < r.of;
    const completed = lacks && asNumber(r.completed) !== null ? `mean over what it completed ${figure(rest.split(":")[0], r.completed)}` : "";
    return { ...r, contest: r.ranked, last: lacks && !r.ranked, title: [lacks ? `${r.n} of ${r.of} samples` : `n = ${r.n}`, completed, r.failed ? `${r.failed} failed` : "", r.ceiling ? `${r.ceiling} identical to the truth` : "", r.note].filter(Boolean).join("; "),
      flag: lacks ? `${r.n} of ${r.of}${r.ranked ? "" : ", not ranked"}` : r.ranked ? "" : "not ranked", alert: r.seen_truth ? `has seen the truth: equal to it on ${r.seen_truth} of ${r.of} samples` : "" };
  }
  const [metric, target, setting] = rest.split(/[@:]/);
  const own = found.person.get(`${metric}@${target}:${setting}:${state.judge}:${method}`);
  const base = method === "untouched" ? found.person.get(`${metric}@${target}:${setting === "UT" ? "MT" : "MM"}:${state.judge}:untouched`) : null;
  let r = own || base;
  if (!r) return null;
  if (r.refused) return { value: null, text: "refused", title: r.refused };
  // recovered is untouched's FNMR less the method's: its order and its tests are those of FNMR
  if (metric === "fnmr_recovered" && r.group === null) r = { ...r, tie: found.person.get(`fnmr@${target}:${setting}:${state.judge}:${method}`)?.group ?? null };
  // a loss is never green, be it the smallest
  const loss = ["fnmr_recovered", "recovered_equal", "recovered_kept"].includes(metric) && asNumber(r.value) < 0;
  return { ...r, contest: r.independent && !loss, flag: r.independent ? "" : "†", title: `${r.genuine} genuine, ${r.impostor} impostor pairs${r.failed ? `, ${r.failed} failed` : ""}${r.independent ? "" : "; this matcher took part in the method's training"}` };
}

/** Whether a cell cannot be told from the best: by rank group, else because the intervals overlap. */
function tiedWith(top, cell) {
  const of = (c) => c.group ?? c.tie ?? null;
  if (of(top) !== null && of(cell) !== null) return of(top) === of(cell);
  return [top.low, top.high, cell.low, cell.high].every((v) => asNumber(v) !== null) && cell.low <= top.high && cell.high >= top.low;
}

/** Best, second and the methods that cannot be told from the best, by row number. */
function contest(cells, higher) {
  const marks = new Map();
  if (higher === null) return marks;
  const order = cells.map((c, i) => [c, i]).filter(([c]) => c && c.contest !== false && asNumber(c.value) !== null)
    .sort(([a], [b]) => (higher ? asNumber(b.value) - asNumber(a.value) : asNumber(a.value) - asNumber(b.value)));
  if (order.length < 2) return marks;
  const [top, next] = order;
  if (asNumber(top[0].value) === asNumber(order[order.length - 1][0].value)) return marks;
  for (const [c, i] of order) if (tiedWith(top[0], c)) marks.set(i, "tied");
  marks.set(top[1], "best");
  marks.set(next[1], marks.get(next[1]) === "tied" ? "second tied" : "second");
  return marks;
}

function groupLetter(group) { return group <= 26 ? String.fromCharCode(64 + group) : String(group); }

function figureCell(column, cell, mark) {
  if (!cell) return el("td", {}, "–");
  const words = mark || "";
  const text = cell.text ?? figure(column.metric, cell.value, GAINS.has(column.metric));
  const shown = el("span", { class: words.includes("best") ? "best" : words.includes("second") ? "second" : cell.badge !== undefined && cell.badge !== "" ? `badge ${cell.badge}` : null }, text);
  const range = cell.low !== undefined ? interval(column.metric, cell.low, cell.high) : "";
  return el("td", { class: words.includes("tied") || words.includes("best") ? "tied" : null, title: cell.title || null, "data-value": cell.value },
    shown,
    words.includes("best") ? el("span", { class: "sr" }, " best") : words.includes("second") ? el("span", { class: "sr" }, " second") : null,
    cell.group ? el("sup", { class: "group", title: "rank group" }, groupLetter(cell.group)) : null,
    cell.flag === "†" ? el("sup", { title: "not an independent judge" }, "†") : null,
    cell.alert ? el("span", { class: "sub" }, el("span", { class: "badge bad", title: cell.alert }, "has seen the truth")) : null,
    cell.flag && cell.flag !== "†" ? el("span", { class: "sub" }, cell.flag) : null,
    range ? el("span", { class: "sub" }, range) : null);
}

/** Rows (method x context) with cells, sorted; contests are held within a context. */
function leaderboardRows(columns, keys) {
  const rows = [];
  for (const key of keys) {
    const have = new Set(rowsOf("rows", key).map((r) => r.method).concat(rowsOf("verification", key).map((r) => r.method)));
    const methods = board().methods.filter((m) => (state.prov === "all" || m.provenance === state.prov) && (have.has(m.method) || m.state !== "ok"));
    const start = rows.length;
    for (const m of methods) rows.push({ method: m.method, key, card: m, cells: columns.map((c) => cellOf(c.id, m.method, key)), marks: [] });
    columns.forEach((c, k) => {
      // doing nothing costs nothing: untouched takes no part in the contest of cost
      const cells = rows.slice(start).map((r) => (c.id[0] === "c" && r.method === "untouched" ? null : r.cells[k]));
      for (const [i, mark] of contest(cells, c.higher)) rows[start + i].marks[k] = mark;
    });
  }
  return rows;
}

function sortRows(rows, columns, sort) {
  const k = columns.findIndex((c) => c.id === sort.id);
  const value = (r) => {
    if (sort.id === "method") return r.card.title.toLowerCase();
    if (sort.id === "context") return r.key;
    const v = k < 0 ? null : r.cells[k]?.value;
    return v === "inf" ? Infinity : v ?? null;
  };
  // what a method lacks must not lift it: below all that completed every sample
  const last = (r) => Number(Boolean(k >= 0 && r.cells[k]?.last));
  return rows.slice().sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (last(a) !== last(b)) return last(a) - last(b);
    if (x === null || y === null) return (x === null) - (y === null);
    const order = x < y ? -1 : x > y ? 1 : 0;
    return sort.descending ? -order : order;
  });
}

function currentSort(columns) {
  const id = state.sort.replace(/^-/, "");
  if (id === "method" || id === "context" || columns.some((c) => c.id === id)) return { id, descending: state.sort.startsWith("-") };
  return columns.length ? { id: columns[0].id, descending: columns[0].higher !== false } : { id: "method", descending: false };
}

function leaderboardTable(ids, { sortable = true, keys = contexts(), name = "leaderboard", first = Infinity, bare = false } = {}) {
  const columns = ids.map(describe);
  const sort = currentSort(columns);
  const many = keys.length > 1;
  let place = 0;
  // doing nothing is the floor that every other row is read against: it stays where it falls
  const rows = sortRows(leaderboardRows(columns, keys), columns, sort).filter((r) => r.method === "untouched" || (place += 1) <= first);
  const head = [{ id: "method", label: "Method" }, ...(many ? [{ id: "context", label: "Where", word: true }] : []), ...columns];
  const onsort = sortable ? (id) => {
    const column = columns.find((c) => c.id === id);
    const descending = sort.id === id ? !sort.descending : column ? column.higher !== false : false;
    choose({ sort: (descending ? "-" : "") + id });
    document.querySelector(`#board [data-column="${CSS.escape(id)}"]`)?.focus();
  } : null;
  const made = rows.map((r) => ({
    method: r.method, class: r.method === "untouched" ? "floor" : null,
    head: el("span", {}, methodName(r.method), dependentMethods().has(r.method) ? el("span", { class: "sub" }, `† trained with ${state.judge}`) : null, r.card.state !== "ok" ? el("span", { class: "sub" }, el("span", { class: "badge bad", title: r.card.message }, r.card.state)) : null),
    cells: [...(many ? [contextWords(r.key)] : []), ...columns.map((c, k) => figureCell(c, r.cells[k], r.marks[k]))],
  }));
  for (const key of keys) {
    const bare = `${key.split("/").slice(0, 2).join("/")}/raw`;
    const cells = columns.map((c) => (c.id[0] === "v" ? lookup(key).person.get(`${c.id.slice(2).split(":")[0]}:TT:${state.judge}:`) : c.id[0] === "i" ? lookup(bare).image.get(`${c.id.slice(2)}:truth`) : null));
    if (cells.some((c) => c && !c.refused)) {
      made.push({ class: "ceiling", head: "Never occluded (TT)", cells: [...(many ? [contextWords(key)] : []), ...columns.map((c, k) => (cells[k] && !cells[k].refused ? figureCell(c, { ...cells[k], group: null }, "") : el("td", {}, "")))] });
    }
  }
  return makeTable({ caption: bare ? "" : `${keys.map(contextWords).slice(0, 2).join(" | ")}${keys.length > 2 ? ` and ${keys.length - 2} more` : ""}${state.judge ? `; judge: ${state.judge}` : ""}`, columns: head, rows: made, sort, onsort, name });
}

function columnPicker(all, chosen) {
  const set = new Set(chosen);
  const group = (title, ids) => (ids.length ? el("fieldset", {}, el("legend", {}, title), ids.map((id) => {
    const c = describe(id);
    return el("label", {}, el("input", { type: "checkbox", value: id, checked: set.has(id), onchange: (event) => {
      if (event.target.checked) set.add(id); else set.delete(id);
      const order = [...all.person, ...all.image, ...all.cost].filter((x) => set.has(x));
      pickerOpen = true;
      choose({ cols: order.join("~") || "c:mask" });
    } }), ` ${c.label} ${c.sub}`);
  })) : null);
  return el("details", { class: "picker", open: pickerOpen, ontoggle: (event) => { pickerOpen = event.target.open; } },
    el("summary", {}, `Columns (${chosen.length})`),
    el("div", {}, group("Recognition", all.person), group("Picture", all.image), group("Cost", all.cost)));
}
let pickerOpen = false;

function drawLeaderboard() {
  const all = availableColumns();
  const chosen = chosenColumns(all);
  const [, target] = judge() || [];
  const preset = (label, ids) => el("button", { type: "button", "aria-pressed": String(state.cols === ids.join("~")), onclick: () => choose({ cols: ids.join("~") }) }, label);
  fill("board-tools",
    el("button", { type: "button", "aria-pressed": String(!state.cols), onclick: () => choose({ cols: "" }) }, "Summary"),
    all.person.length ? preset("Recognition", all.person.filter((c) => c.endsWith(":UT") && (c.includes(`@${target ?? ""}:`) || c.includes("@:")))) : null,
    preset("Picture", all.image), preset("Cost", all.cost), columnPicker(all, chosen));
  fill("board", leaderboardTable(chosen));
  drawDifferences();
}

function drawDifferences() {
  const rows = rowsOf("differences", context());
  const kinds = [...new Set(rows.map((r) => `${r.metric}:${r.region}`))];
  if (!kinds.length) { fill("diff-tools"); fill("differences", el("p", { class: "missing" }, "No paired differences are stored for this choice.")); return; }
  const [matcher, target, judged] = judge() || [];
  const wanted = [state.diff, `${judged}@${target}:${matcher}`, `${judged}:${matcher}`, (board().pictures[context()] || []).join(":")];
  const kind = wanted.find((k) => kinds.includes(k)) || kinds[0];
  const worded = (k) => {
    const [name, where] = k.split(":");
    const [id, at] = name.split("@");
    return at ? `${WORDS[id] || id} at FMR ${targetWords(at)}, ${where}` : `${board().metrics.find((m) => m.metric === id)?.title || id}, ${where}`;
  };
  const order = [...kinds].sort((a, b) => Number(b.includes("@")) - Number(a.includes("@")));
  fill("diff-tools", select("Figure", kind, order.map((k) => [k, worded(k)]), (diff) => choose({ diff })));
  const mine = rows.filter((r) => `${r.metric}:${r.region}` === kind);
  const methods = board().methods.map((m) => m.method).filter((m) => mine.some((r) => r.method_a === m || r.method_b === m));
  const [metric] = kind.split(":");
  const higher = board().metrics.find((m) => m.metric === metric)?.direction === "higher";
  const pair = new Map();
  for (const r of mine) { pair.set(`${r.method_a}|${r.method_b}`, [r, 1]); pair.set(`${r.method_b}|${r.method_a}`, [r, -1]); }
  fill("differences", makeTable({
    name: `differences-${metric.replace("@", "-")}`,
    caption: `${worded(kind)}: row minus column${SHARES.has(metric.split("@")[0]) ? ", percentage points" : ""}. ● row is better, ○ row is worse, · not told apart.`,
    columns: [{ id: "m", label: "Method" }, ...methods.map((m) => ({ id: m, label: m }))],
    rows: methods.map((a) => ({ head: methodName(a), cells: methods.map((b) => {
      const [r, sign] = pair.get(`${a}|${b}`) || [];
      if (!r) return el("td", {}, a === b ? "" : "–");
      const gain = higher ? sign * r.difference > 0 : sign * r.difference < 0;
      const mark = !r.significant ? "·" : gain ? "●" : "○";
      return el("td", { title: `95 % interval ${figure(metric, sign > 0 ? r.low : -r.high)} to ${figure(metric, sign > 0 ? r.high : -r.low)}; p (Holm) ${r.p_holm?.toPrecision(2)}` },
        el("span", { class: r.significant ? (gain ? "m-same" : "m-different") : "note" }, `${mark} ${figure(metric, sign * r.difference, true)}`));
    }) })),
  }));
}

// The leaderboard. Column ids: "v:tmr@0.001:UT" (biometric, by the chosen judge), "i:psnr:hole" (image), "c:latency_ms" (cost).

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
  const [, target, metric] = judge() || [];
  const at = `@${target ?? ""}:UT`;
  const wanted = judge() ? [`v:${metric}${at}`, `v:fnmr_recovered${at}`, `v:fmr_added${at}`] : [];
  const region = (m) => ["hole", "whole"].map((r) => `i:${m}:${r}`).find((c) => all.image.includes(c));
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  return [...wanted, region("lpips"), region("psnr"), region("ssim"), "c:mask", "c:latency_ms", "c:parameters", "c:failed"].filter((c) => known.has(c));
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
    const unit = SHARES.has(metric) ? ", %" : "";
    return { id, metric, higher: !LOWER.has(metric), label: (WORDS[metric] || metric) + unit, sub: `${setting}${target ? ` at FMR ${targetWords(target)}` : ""}` };
  }
  if (kind === "i") {
    const [metric, region] = rest.split(":");
    const card = board().metrics.find((m) => m.metric === metric);
    return { id, metric, higher: card?.direction === "higher", label: (card?.title || metric) + (card?.unit ? `, ${card.unit}` : ""), sub: region };
  }
  const higher = rest === "throughput" || rest === "year" ? true : ["latency_ms", "parameters", "macs", "peak_memory_mb", "failed"].includes(rest) ? false : null;
  return { id, metric: rest, higher, label: WORDS[rest] || rest, sub: "", word: rest === "provenance" };
}

/** What stands in a cell: {value, low, high, group, rank, flag, text, title}. */
function cellOf(id, method, key) {
  const rest = id.slice(2);
  if (id[0] === "c") {
    const card = methodCard(method);
    if (rest === "mask") return { value: card.needs_mask ? 1 : 0, text: card.needs_mask ? card.mask_source : "blind", badge: card.needs_mask && card.mask_source === "oracle" ? "warn" : "" };
    if (rest === "provenance") return { value: card.provenance, text: card.provenance };
    if (rest === "failed") {
      const [d, o] = key.split("/");
      const found = rowsOf("statuses", contextKey(d, o, "")).filter((s) => s.method === method && s.status !== "ok");
      const count = found.reduce((sum, s) => sum + s.count, 0);
      return { value: count, text: String(count), badge: count ? "bad" : "", title: found.map((s) => `${s.status}: ${s.message}`).join("; ") };
    }
    const value = card[rest] ?? null;
    return { value, text: rest === "year" ? String(value ?? "–") : figure(rest, value), title: rest === "latency_ms" && typeof card.latency_spread_ms === "number" ? `spread ${figure("", card.latency_spread_ms)} ms` : "" };
  }
  const found = lookup(key);
  if (id[0] === "i") {
    const r = found.image.get(`${rest}:${method}`);
    return r ? { ...r, contest: r.ranked, title: [`n = ${r.n}`, r.failed ? `${r.failed} failed` : "", r.ceiling ? `${r.ceiling} identical, left out` : "", r.note].filter(Boolean).join("; "), flag: r.ranked ? "" : "not ranked" } : null;
  }
  const [metric, target, setting] = rest.split(/[@:]/);
  const own = found.person.get(`${metric}@${target}:${setting}:${state.judge}:${method}`);
  const base = method === "untouched" ? found.person.get(`${metric}@${target}:${setting === "UT" ? "MT" : "MM"}:${state.judge}:untouched`) : null;
  const r = own || base;
  if (!r) return null;
  if (r.refused) return { value: null, text: "refused", title: r.refused };
  return { ...r, contest: r.independent, flag: r.independent ? "" : "†", title: `${r.genuine} genuine, ${r.impostor} impostor pairs${r.failed ? `, ${r.failed} failed` : ""}${r.independent ? "" : "; this matcher took part in the method's training"}` };
}

/** Best, second and the methods that share the best's group, by row number. */
function contest(cells, higher) {
  const marks = new Map();
  if (higher === null) return marks;
  const order = cells.map((c, i) => [c, i]).filter(([c]) => c && c.contest !== false && asNumber(c.value) !== null)
    .sort(([a], [b]) => (higher ? asNumber(b.value) - asNumber(a.value) : asNumber(a.value) - asNumber(b.value)));
  if (order.length < 2) return marks;
  const [top, next] = order;
  for (const [c, i] of order) if (c.group !== null && c.group !== undefined && c.group === top[0].group) marks.set(i, "tied");
  if (asNumber(top[0].value) === asNumber(order[order.length - 1][0].value)) return marks;
  marks.set(top[1], "best");
  marks.set(next[1], marks.get(next[1]) === "tied" ? "second tied" : "second");
  return marks;
}

function groupLetter(group) { return group <= 26 ? String.fromCharCode(64 + group) : String(group); }

function figureCell(column, cell, mark) {
  if (!cell) return el("td", {}, "–");
  const words = mark || "";
  const text = cell.text ?? figure(column.metric, cell.value, column.metric === "fmr_added" || column.metric === "fnmr_recovered");
  const shown = el("span", { class: words.includes("best") ? "best" : words.includes("second") ? "second" : cell.badge !== undefined && cell.badge !== "" ? `badge ${cell.badge}` : null }, text);
  const range = cell.low !== undefined ? interval(column.metric, cell.low, cell.high) : "";
  return el("td", { class: words.includes("tied") || words.includes("best") ? "tied" : null, title: cell.title || null, "data-value": cell.value },
    shown,
    words.includes("best") ? el("span", { class: "sr" }, " best") : words.includes("second") ? el("span", { class: "sr" }, " second") : null,
    cell.group ? el("sup", { class: "group", title: "rank group" }, groupLetter(cell.group)) : null,
    cell.flag === "†" ? el("sup", { title: "not an independent judge" }, "†") : null,
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
  return rows.slice().sort((a, b) => {
    const [x, y] = [value(a), value(b)];
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

function leaderboardTable(ids, { sortable = true, keys = contexts(), name = "leaderboard" } = {}) {
  const columns = ids.map(describe);
  const sort = currentSort(columns);
  const many = keys.length > 1;
  const rows = sortRows(leaderboardRows(columns, keys), columns, sort);
  const head = [{ id: "method", label: "Method" }, ...(many ? [{ id: "context", label: "Where", word: true }] : []), ...columns];
  const onsort = sortable ? (id) => {
    const column = columns.find((c) => c.id === id);
    const descending = sort.id === id ? !sort.descending : column ? column.higher !== false : false;
    choose({ sort: (descending ? "-" : "") + id });
    document.querySelector(`#board [data-column="${CSS.escape(id)}"]`)?.focus();
  } : null;
  const made = rows.map((r) => ({
    method: r.method, class: r.method === "untouched" ? "floor" : null,
    head: el("span", {}, methodName(r.method), r.card.state !== "ok" ? el("span", { class: "sub" }, el("span", { class: "badge bad", title: r.card.message }, r.card.state)) : null),
    cells: [...(many ? [contextWords(r.key)] : []), ...columns.map((c, k) => figureCell(c, r.cells[k], r.marks[k]))],
  }));
  for (const key of keys) {
    const cells = columns.map((c) => (c.id[0] === "v" ? lookup(key).person.get(`${c.id.slice(2).split(":")[0]}:TT:${state.judge}:`) : null));
    if (cells.some((c) => c && !c.refused)) {
      made.push({ class: "ceiling", head: "Never occluded (TT)", cells: [...(many ? [contextWords(key)] : []), ...columns.map((c, k) => (cells[k] && !cells[k].refused ? figureCell(c, { ...cells[k], group: null }, "") : el("td", {}, "")))] });
    }
  }
  return makeTable({ caption: `${keys.map(contextWords).slice(0, 2).join(" | ")}${keys.length > 2 ? ` and ${keys.length - 2} more` : ""}${state.judge ? `; judge: ${state.judge}` : ""}`, columns: head, rows: made, sort, onsort, name });
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
  const kind = kinds.includes(state.diff) ? state.diff : kinds.find((k) => k === (board().pictures[context()] || []).join(":")) || kinds[0];
  fill("diff-tools", select("Figure", kind, kinds.map((k) => [k, k.replace(":", ", ")]), (diff) => choose({ diff })));
  const mine = rows.filter((r) => `${r.metric}:${r.region}` === kind);
  const methods = board().methods.map((m) => m.method).filter((m) => mine.some((r) => r.method_a === m || r.method_b === m));
  const [metric] = kind.split(":");
  const higher = board().metrics.find((m) => m.metric === metric)?.direction === "higher";
  const pair = new Map();
  for (const r of mine) { pair.set(`${r.method_a}|${r.method_b}`, [r, 1]); pair.set(`${r.method_b}|${r.method_a}`, [r, -1]); }
  fill("differences", makeTable({
    name: `differences-${metric}`,
    caption: `${kind.replace(":", ", ")}: row minus column. ● row is better, ○ row is worse, · not told apart.`,
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

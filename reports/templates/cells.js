// What stands in a cell, and which cells win: contests are held by rank group, else by interval.

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
    return { ...r, at: key, contest: r.ranked, last: lacks && !r.ranked, title: [lacks ? `${r.n} of ${r.of} samples` : `n = ${r.n}`, completed, r.failed ? `${r.failed} failed` : "", r.ceiling ? `${r.ceiling} identical to the truth` : "", r.note].filter(Boolean).join("; "),
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
  return { ...r, at: key, contest: r.independent && !loss, flag: r.independent ? "" : "†", title: `${r.genuine} genuine, ${r.impostor} impostor pairs${r.failed ? `, ${r.failed} failed` : ""}${r.independent ? "" : "; this matcher took part in the method's training"}` };
}

const pairTests = new Map();
/** Whether the paired test of two cells of one figure is significant; null where the page holds none. */
function toldApart(x, y) {
  if (!x.at || !x.method || !y.method || x.metric !== y.metric) return null;
  const key = `${state.run}/${x.at}`;
  if (!pairTests.has(key)) pairTests.set(key, new Map(rowsOf("differences", x.at).filter((r) => r.p_holm !== null).flatMap((r) => [[r.method_a, r.method_b], [r.method_b, r.method_a]].map((p) => [`${r.metric}:${r.region}:${p.join(":")}`, r.significant]))));
  const name = x.region === undefined ? `${x.metric}${x.target === null ? "" : `@${x.target}`}:${x.matcher}` : `${x.metric}:${x.region}`;
  return pairTests.get(key).get(`${name}:${x.method}:${y.method}`) ?? null;
}

/** Whether a cell cannot be told from the best: by the paired test, else by rank group, else because the intervals overlap. */
function tiedWith(top, cell) {
  const apart = toldApart(top, cell);
  if (apart !== null) return !apart;
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
  const [top] = order;
  const value = ([c]) => asNumber(c.value);
  if (value(top) === value(order[order.length - 1])) return marks;
  for (const [c, i] of order) if (tiedWith(top[0], c)) marks.set(i, "tied");
  // equal values are equally good: both cost nothing, say
  const next = order.find((o) => value(o) !== value(top));
  for (const o of order) {
    if (value(o) === value(top)) marks.set(o[1], "best");
    else if (value(o) === value(next)) marks.set(o[1], marks.get(o[1]) === "tied" ? "second tied" : "second");
  }
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

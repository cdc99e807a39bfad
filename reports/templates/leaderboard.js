// The leaderboard: rows, their order, and the conditions that a row unfolds to.

/** Rows (method x context) with cells, sorted; contests are held within a context. */
function leaderboardRows(columns, keys) {
  const rows = [];
  for (const key of keys) {
    const have = new Set(rowsOf("rows", key).map((r) => r.method).concat(rowsOf("verification", key).map((r) => r.method)));
    const methods = board().methods.filter((m) => isWanted(m) && (have.has(m.method) || m.state !== "ok"));
    const start = rows.length;
    for (const m of methods) rows.push({ method: m.method, key, card: m, cells: columns.map((c) => cellOf(c.id, m.method, key)), marks: [] });
    columns.forEach((c, k) => {
      // doing nothing costs nothing: untouched takes no part in the contest of cost; and to have failed nowhere is no win
      const cells = rows.slice(start).map((r) => (c.id === "c:failed" || (c.id[0] === "c" && r.method === "untouched") ? null : r.cells[k]));
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

/** The cards of all methods, best first by the figure that the context is answered by; untouched stands before them. */
function methodsByRank() {
  const columns = shortColumns(availableColumns()).slice(0, 1).map(describe);
  const sort = columns.length ? { id: columns[0].id, descending: columns[0].higher !== false } : { id: "", descending: false };
  const order = sortRows(leaderboardRows(columns, [context()]), columns, sort).map((r) => r.method);
  const place = (m) => (m.method === "untouched" ? -1 : order.includes(m.method) ? order.indexOf(m.method) : order.length);
  return board().methods.slice().sort((a, b) => place(a) - place(b));
}

function currentSort(columns) {
  const id = state.sort.replace(/^-/, "");
  if (id === "method" || id === "context" || columns.some((c) => c.id === id)) return { id, descending: state.sort.startsWith("-") };
  return columns.length ? { id: columns[0].id, descending: columns[0].higher !== false } : { id: "method", descending: false };
}

/** The contexts that a row unfolds to: every other condition, in the shown output. */
function otherConditions(shown) {
  const output = shown.split("/")[2];
  return board().contexts.map(([d, o]) => contextKey(d, o, output)).filter((key) => key !== shown);
}

function unfoldButton(method, opened, count) {
  const on = opened.has(method);
  return el("button", { type: "button", class: "unfold", "data-unfold": method, "aria-expanded": String(on), "aria-label": `${methodCard(method).title} in ${count} other condition${count > 1 ? "s" : ""}`,
    onclick: () => {
      if (on) opened.delete(method); else opened.add(method);
      choose({ open: [...opened].join("~") });
      document.querySelector(`#board [data-unfold="${CSS.escape(method)}"]`)?.focus();
    } }, on ? "▾" : "▸");
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
  const elsewhere = sortable && !many ? otherConditions(keys[0]) : [];
  const opened = new Set(state.open.split("~").filter(Boolean));
  const made = rows.flatMap((r) => [{
    method: r.method, class: r.method === "untouched" ? "floor" : null,
    head: el("span", {}, elsewhere.length ? unfoldButton(r.method, opened, elsewhere.length) : null, methodName(r.method), dependentMethods().has(r.method) ? el("span", { class: "sub" }, `† trained with ${state.judge}`) : null, r.card.state !== "ok" ? el("span", { class: "sub" }, el("span", { class: "badge bad", title: r.card.message }, r.card.state)) : null),
    cells: [...(many ? [el("span", {}, contextLinks(r.key))] : []), ...columns.map((c, k) => figureCell(c, r.cells[k], r.marks[k]))],
  }, ...(opened.has(r.method) ? elsewhere : []).map((key) => ({
    class: "unfolded", head: el("span", {}, contextLinks(key)), cells: columns.map((c) => figureCell(c, cellOf(c.id, r.method, key), c.id[0] === "c" ? "" : markOf(c, r.method, key))),
  }))]);
  for (const key of keys) {
    const bare = `${key.split("/").slice(0, 2).join("/")}/raw`;
    const cells = columns.map((c) => (c.id[0] === "v" ? lookup(key).person.get(`${c.id.slice(2).split(":")[0]}:TT:${state.judge}:`) : c.id[0] === "i" ? lookup(bare).image.get(`${c.id.slice(2)}:truth`) : null));
    if (cells.some((c) => c && !c.refused)) {
      made.push({ class: "ceiling", head: "Never occluded (TT)", cells: [...(many ? [el("span", {}, contextLinks(key))] : []), ...columns.map((c, k) => (cells[k] && !cells[k].refused ? figureCell(c, { ...cells[k], group: null }, "") : el("td", {}, "")))] });
    }
  }
  const where = keys.slice(0, 2).flatMap((key, i) => [i ? " | " : "", ...contextLinks(key)]);
  return makeTable({ caption: bare ? "" : [...where, keys.length > 2 ? ` and ${keys.length - 2} more` : "", ...judgeLinks()], columns: head, rows: made, sort, onsort, name });
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

/** Which figure the answer of the Overview is by, and why where it is not the person's. */
function answeredBy() {
  const [matcher, target, metric] = judge() || [];
  const main = board().pictures[context()];
  if (matcher && board().fair[context()]) return terms(`The answer is by ${atTarget(metric, target)}; judge: ${matcher}.`);
  if (!main) return [];
  const picture = describe(`i:${main.join(":")}`);
  return terms(`The answer is by the picture, ${picture.label} (${picture.sub}): ${matcher ? "the judge took part in the training of most methods" : "no matcher ran"}.`);
}

function drawLeaderboard() {
  const all = availableColumns();
  const chosen = chosenColumns(all);
  const [, target] = judge() || [];
  const preset = (label, ids) => el("button", { type: "button", "aria-pressed": String(state.cols === ids.join("~")), onclick: () => choose({ cols: ids.join("~") }) }, label);
  fill("board-tools",
    el("button", { type: "button", "aria-pressed": String(!state.cols), onclick: () => choose({ cols: "" }) }, "Summary"),
    all.person.length ? preset("Recognition", all.person.filter((c) => c.endsWith(":UT") && (c.includes(`@${target ?? ""}:`) || c.includes("@:")))) : null,
    preset("Picture", all.image), preset("Cost", all.cost), columnPicker(all, chosen));
  fill("answered-by", answeredBy());
  fill("board", leaderboardTable(chosen));
  drawDifferences();
}

// Two runs beside each other: reading another board of the page, and what is known between two of them.

/** What `read` finds while another board of the page is the shown one. */
function asRun(run, read) {
  const before = state.run;
  state.run = String(run);
  try { return read(); } finally { state.run = before; }
}

/** The board that B is of: the shown one unless the address names another. */
function runOfB() { return state.rb !== "" && BOARDS[Number(state.rb)] ? String(Number(state.rb)) : state.run; }

/** Names of the boards; those of one name are told apart by their place. */
function boardName(run) {
  const { names } = BOARDS[Number(run)];
  return BOARDS.filter((b) => b.names === names).length > 1 ? `${names} (${Number(run) + 1})` : names;
}

const betweenRows = new Map();
/** The paired differences between the shown board and another: {reason, left_out, turned, rows}; turned where the other's
 * methods are the first of a row. */
function betweenBoards(other) {
  const [a, b] = [Number(state.run), Number(other)].sort((x, y) => x - y);
  const found = BETWEEN.find((p) => p.a === a && p.b === b);
  const key = `${a}/${b}`;
  if (!betweenRows.has(key)) {
    const columns = Object.entries(found.rows.columns).map(([name, column]) => [name, unpackColumn(column, found.rows.n)]);
    betweenRows.set(key, Array.from({ length: found.rows.n }, (_, i) => Object.fromEntries(columns.map(([name, values]) => [name, values[i]]))));
  }
  return { reason: found.reason, left_out: found.left_out, turned: Number(state.run) !== a, rows: betweenRows.get(key) };
}

/** Links that set a method against the one of its name in every other run. */
function sameMethodElsewhere(a) {
  const others = BOARDS.map((b, i) => [b, String(i)]).filter(([b, i]) => i !== state.run && b.methods.some((m) => m.method === a));
  if (!others.length) return null;
  return el("p", { class: "note", id: "elsewhere" }, `${methodCard(a).title} in another run: `, others.flatMap(([, i], n) => [n ? ", " : "", el("a", {
    href: addressOf({ a, b: a, rb: i }), onclick: (event) => { event.preventDefault(); choose({ a, b: a, rb: i }); },
  }, boardName(i))]));
}

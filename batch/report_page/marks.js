"use strict";
// The marks: kept in this browser under the ledger's key, and carried in and out as CSV.

/* global CsvText */
/* exported Marks */
const Marks = (() => {
  const TITLES = ["id", "row", "take", "mark", "note", "request_id"];
  const KINDS = ["keep", "redo"];
  const NONE = Object.freeze({ mark: "", note: "", take: 0, request: "" });

  /** The marks of these rows. `changed` is called when another tab has changed them. */
  function open(key, rows, changed) {
    const place = `kling-batch:${key}`;
    let kept = read(place);
    let stays = true;
    for (const row of rows) forgetOutdated(row);

    window.addEventListener("storage", (event) => {
      if (event.key === place) {
        kept = read(place);
        changed();
      }
    });

    /**
     * What is to be done again was done again: the mark spoke of an earlier take, and only its note stays. A mark of a
     * take that the row never had is of another row, of a ledger that stood here before.
     */
    function forgetOutdated(row) {
      const mark = kept[nameOf(row)];
      const takes = row.takes ?? [];
      if (mark?.request && !takes.some((one) => one.request === mark.request)) delete kept[nameOf(row)];
      else if (mark?.mark === "redo" && mark.takes < takes.length) kept[nameOf(row)] = { ...mark, mark: "" };
    }

    function get(row) {
      return kept[nameOf(row)] ?? NONE;
    }

    /** Changes some of a mark; what is empty by then is no mark any more. */
    function set(row, change) {
      const mark = { ...get(row), ...change, takes: (row.takes ?? []).length };
      if (mark.mark || mark.note) kept[nameOf(row)] = mark;
      else delete kept[nameOf(row)];
      write();
    }

    function write() {
      try {
        localStorage.setItem(place, JSON.stringify(kept));
        stays = true;
      } catch {
        stays = false;
      }
    }

    /** Those with a mark or a note, as CSV. */
    function asCsv() {
      const marked = rows.filter((row) => get(row).mark || get(row).note);
      return CsvText.write([TITLES, ...marked.map(lineOf)]);
    }

    function lineOf(row) {
      const mark = get(row);
      return [row.id, row.row, mark.take || "", mark.mark, mark.note, mark.request];
    }

    /** Takes marks in. How many were taken, and which lines speak of no row of this table. */
    function fromCsv(text) {
      const [titles = [], ...lines] = CsvText.parse(text);
      const at = Object.fromEntries(titles.map((title, n) => [title.trim().toLowerCase(), n]));
      if (at.mark === undefined && at.note === undefined) return null;
      const find = finder(rows);
      const told = { taken: 0, unknown: 0 };
      for (const line of lines) {
        const cell = (name) => line[at[name]] ?? "";
        const row = find(cell("request_id"), cell("id"), cell("row"));
        const mark = cell("mark").trim().toLowerCase();
        if (!row || (mark && !KINDS.includes(mark))) told.unknown++;
        else {
          const take = takeOf(row, cell("request_id"), Number(cell("take")));
          set(row, { mark, note: cell("note"), take: take?.take ?? 0, request: take?.request ?? "" });
          told.taken++;
        }
      }
      return told;
    }

    return { get, set, asCsv, fromCsv, stays: () => stays };
  }

  function read(place) {
    try {
      const told = JSON.parse(localStorage.getItem(place) ?? "{}");
      return told && typeof told === "object" && !Array.isArray(told) ? told : {};
    } catch {
      return {};
    }
  }

  /** A row is the same one wherever it stands in the table: by its number in the ledger. */
  function nameOf(row) {
    return row.n === undefined ? `row ${row.row}` : String(row.n);
  }

  /** A request says best which row is meant; else its id; else where it stands. */
  function finder(rows) {
    const byRequest = new Map(rows.flatMap((row) => (row.takes ?? []).map((take) => [take.request, row])));
    const byId = new Map(rows.filter((row) => row.id).map((row) => [row.id, row]));
    const byNumber = new Map(rows.map((row) => [String(row.row), row]));
    return (request, id, number) => (request && byRequest.get(request)) || (id ? byId.get(id) : byNumber.get(number.trim()));
  }

  function takeOf(row, request, number) {
    const takes = row.takes ?? [];
    return takes.find((one) => request && one.request === request) ?? takes.find((one) => one.take === number);
  }

  return { open };
})();

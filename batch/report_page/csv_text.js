"use strict";
// CSV as text: read as spreadsheets write it, written so that they read it.

/* exported CsvText */
const CsvText = (() => {
  /** The rows of a text, each as its cells. A mark at the beginning is no cell; `;` and tab are taken for commas. */
  function parse(text) {
    const whole = text.replace(/^\uFEFF/, "");
    const delimiter = delimiterOf(whole);
    const rows = [];
    let row = [], cell = "", quoted = false, at = 0;
    const end = () => { row.push(cell); cell = ""; };
    while (at < whole.length) {
      const char = whole[at++];
      if (quoted) {
        if (char !== '"') cell += char;
        else if (whole[at] === '"') { cell += '"'; at++; }
        else quoted = false;
      } else if (char === '"' && cell === "") quoted = true;
      else if (char === delimiter) end();
      else if (char === "\n" || char === "\r") {
        if (char === "\r" && whole[at] === "\n") at++;
        end();
        rows.push(row);
        row = [];
      } else cell += char;
    }
    if (cell !== "" || row.length) { end(); rows.push(row); }
    return rows.filter((one) => one.length > 1 || one[0] !== "");
  }

  /** What stands between the titles. */
  function delimiterOf(text) {
    const first = text.split(/[\r\n]/, 1)[0];
    return [",", ";", "\t"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  }

  /** One line a row, ended as RFC 4180 says. */
  function write(rows) {
    return rows.map((row) => row.map(quotedCell).join(",") + "\r\n").join("");
  }

  function quotedCell(value) {
    const text = String(value ?? "");
    return /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  return { parse, write };
})();

"use strict";
// The review: which shots are shown, in which order, which one the keys speak of, and what becomes of marks.

/* global Cards, Marks, SideBySide */
(() => {
  const PAGE = 60; // cards at a time
  const PRINTED = 1000; // cards on paper
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const list = at("cards");
  const controls = { find: at("find"), status: at("by-status"), kind: at("by-kind"), mark: at("by-mark"), sort: at("sort") };
  const marks = Marks.open(data.key, data.rows, () => refreshAll());
  const searchable = new Map(data.rows.map((row) => [row, textOf(row)]));
  const stillness = matchMedia("(prefers-reduced-motion: reduce)");
  let shown = [];
  let first = 0; // of the page, among those that are shown
  let current = 0; // the one that the keys speak of, among those that are shown
  const online = () => at("online")?.checked ?? false; // pictures from the web are shown, too

  function textOf(row) {
    return [row.label, row.prompt, row.error, row.kind, row.settings].join("\n").toLowerCase();
  }

  // Which shots

  const ORDERS = {
    row: () => 0,
    cost: (one, two) => (two.cost ?? 0) - (one.cost ?? 0),
    time: (one, two) => (two.seconds ?? -1) - (one.seconds ?? -1),
  };

  function choose() {
    const words = controls.find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.fromEntries(Object.entries(controls).map(([name, one]) => [name, one.value]));
    shown = data.rows.filter((row) =>
      (!wanted.status || (wanted.status === "fresh" ? row.fresh : row.status === wanted.status))
      && (!wanted.kind || row.kind === wanted.kind)
      && (!wanted.mark || hasMark(row, wanted.mark))
      && words.every((word) => isIn(row, word)));
    shown.sort(ORDERS[controls.sort.value] ?? ORDERS.row);
    first = current = 0;
    draw();
  }

  /** `#17` is the seventeenth row; any other word stands somewhere in what is told of it. */
  function isIn(row, word) {
    return /^#\d+$/.test(word) ? word === `#${row.row}` : searchable.get(row).includes(word);
  }

  function hasMark(row, which) {
    const now = marks.get(row);
    if (which === "note") return now.note !== "";
    return which === "none" ? !now.mark : now.mark === which;
  }

  function offerKinds() {
    const kinds = new Map();
    for (const row of data.rows) if (row.kind) kinds.set(row.kind, (kinds.get(row.kind) ?? 0) + 1);
    for (const [kind, count] of [...kinds].sort()) controls.kind.append(new Option(`${kind} (${count})`, kind));
    controls.kind.parentElement.hidden = !kinds.size;
  }

  // The cards

  const inSight = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const row = rowOf(target);
        if (!row) continue;
        if (isIntersecting) Cards.load(target, row, online());
        else Cards.unload(target, row, marks.get(row), online());
      }
    },
    { rootMargin: "200px" },
  );

  function draw(count = PAGE) {
    inSight.disconnect();
    const rows = shown.slice(first, first + count);
    list.replaceChildren(...rows.map((row, n) => {
      const item = Cards.build(row, marks.get(row), online());
      item.firstElementChild.dataset.at = first + n;
      return item;
    }));
    for (const card of cards()) inSight.observe(card);
    at("where").textContent = where(rows.length);
    at("before").disabled = first === 0;
    at("after").disabled = first + count >= shown.length;
    at("before").parentElement.hidden = shown.length <= PAGE && first === 0;
    setCurrent(current, { focus: false });
    tally();
  }

  function where(count) {
    if (!count) return "none";
    const number = (one) => one.toLocaleString("en");
    return `${number(first + 1)} to ${number(first + count)} of ${number(shown.length)}`;
  }

  const cards = () => [...list.querySelectorAll(".card")];
  const rowOf = (card) => shown[Number(card.dataset.at)];
  const cardOf = (row) => cards().find((card) => rowOf(card) === row);
  const currentCard = () => cards().find((card) => Number(card.dataset.at) === current);

  function setCurrent(place, { focus = true } = {}) {
    if (!shown.length) return;
    current = Math.max(0, Math.min(place, shown.length - 1));
    if (current < first || current >= first + PAGE) {
      first = Math.floor(current / PAGE) * PAGE;
      draw();
    }
    for (const card of cards()) {
      const is = Number(card.dataset.at) === current;
      card.tabIndex = is ? 0 : -1;
      card.classList.toggle("current", is);
      if (is && focus) {
        card.focus({ preventScroll: true });
        card.scrollIntoView({ block: "nearest", behavior: stillness.matches ? "auto" : "smooth" });
      }
    }
  }

  function turn(pages) {
    setCurrent(Math.max(0, Math.min(first + pages * PAGE, shown.length - 1)), { focus: false });
    at("shots").scrollIntoView();
  }

  /** How many cards stand beside each other. */
  function columns() {
    const [one, ...others] = cards();
    const top = one?.getBoundingClientRect().top;
    return 1 + others.filter((card) => card.getBoundingClientRect().top === top).length;
  }

  // Marks

  function takeOf(row) {
    const card = cardOf(row);
    return (card && Cards.takeAt(card, row)) ?? Cards.takeShown(row, marks.get(row));
  }

  /** Marks a row so; a mark that it has already is taken off. A redo is of all that there is: it names the newest. */
  function mark(row, kind, looked = takeOf(row)) {
    if (kind === "keep" && !row.takes) return;
    const take = kind === "redo" ? row.takes?.at(-1) : looked;
    const now = marks.get(row);
    const same = now.mark === kind && (kind === "redo" || now.take === take?.take);
    marks.set(row, { mark: same ? "" : kind, take: take?.take ?? 0, request: take?.request ?? "" });
    refresh(row);
  }

  function note(row, text) {
    const looked = takeOf(row);
    const now = marks.get(row);
    const about = now.mark ? {} : { take: looked?.take ?? 0, request: looked?.request ?? "" };
    marks.set(row, { note: text, ...about });
    refresh(row);
  }

  function refresh(row) {
    const card = cardOf(row);
    if (card) Cards.refresh(card, row, marks.get(row));
    tally();
  }

  function refreshAll() {
    for (const card of cards()) Cards.refresh(card, rowOf(card), marks.get(rowOf(card)));
    tally();
  }

  function tally() {
    const told = { keep: 0, redo: 0, note: 0 };
    for (const row of data.rows) {
      const now = marks.get(row);
      if (now.mark) told[now.mark]++;
      if (now.note) told.note++;
    }
    const keeps = marks.stays() ? "" : " This browser keeps nothing: save the marks before you leave.";
    at("tally").textContent = `${told.keep} kept, ${told.redo} to redo, ${told.note} with a note.${keeps}`;
    at("save").disabled = !(told.keep || told.redo || told.note);
  }

  function save() {
    const link = Cards.element("a", { download: data.marksName });
    link.href = URL.createObjectURL(new Blob([marks.asCsv()], { type: "text/csv;charset=utf-8" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say(`Saved as ${data.marksName}, where your browser puts what it downloads.`);
    at("then").hidden = false;
  }

  async function takeIn(file) {
    const told = marks.fromCsv(await file.text());
    const lines = (count) => `${count} ${count === 1 ? "line" : "lines"}`;
    if (told === null) say(`${file.name} holds no marks: its first line names no column mark or note.`);
    else say(`Took ${lines(told.taken)} from ${file.name}${told.unknown ? `; ${lines(told.unknown)} of no shot here` : ""}.`);
    refreshAll();
  }

  function say(text) {
    at("say").textContent = text;
  }

  // Playing

  function toggle(card) {
    const row = rowOf(card);
    if (!row) return;
    Cards.load(card, row, online());
    const video = card.querySelector("video");
    if (video?.paused) start(video);
    else video?.pause();
  }

  /** One at a time; a video that is taken away before it begins loses nothing. */
  function start(video) {
    for (const other of list.querySelectorAll("video")) if (other !== video) other.pause();
    video.play().catch(() => {});
  }

  function showTake(card, number) {
    const row = rowOf(card);
    const take = (row.takes ?? []).find((one) => one.take === number);
    if (!take) return;
    const plays = card.querySelector("video")?.paused === false;
    Cards.showTake(card, row, take, online());
    Cards.load(card, row, online());
    if (plays) start(card.querySelector("video"));
  }

  const asked = {
    mark,
    note,
    markOf: (row) => marks.get(row),
    closed: (row) => { refresh(row); setCurrent(Math.max(0, shown.indexOf(row))); },
    step: (row, by) => {
      const next = shown[shown.indexOf(row) + by];
      if (!next) return;
      setCurrent(current + by, { focus: false });
      SideBySide.open(next, takeOf(next), asked);
    },
  };

  function enlarge(card) {
    const row = rowOf(card);
    if (!row) return;
    for (const video of list.querySelectorAll("video")) video.pause();
    SideBySide.open(row, takeOf(row), asked);
  }

  function writeNote(card) {
    const field = card.querySelector(".note");
    field.parentElement.hidden = false;
    field.focus();
  }

  // Mouse and finger

  list.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    const row = card && rowOf(card);
    if (!row) return;
    setCurrent(Number(card.dataset.at), { focus: false });
    const button = event.target.closest("button");
    if (button?.matches(".keep")) mark(row, "keep");
    else if (button?.matches(".redo")) mark(row, "redo");
    else if (button?.matches(".add-note")) writeNote(card);
    else if (button?.matches(".open")) enlarge(card);
    else if (button?.dataset.take) showTake(card, Number(button.dataset.take));
    else if (event.target.closest(".media")) toggle(card);
  });
  list.addEventListener("input", (event) => {
    if (event.target.matches(".note")) note(rowOf(event.target.closest(".card")), event.target.value);
  });
  list.addEventListener("focusout", (event) => {
    if (event.target.matches(".note")) event.target.parentElement.hidden = !event.target.value;
  });
  list.addEventListener("focusin", (event) => {
    const card = event.target.closest(".card");
    if (card && Number(card.dataset.at) !== current) setCurrent(Number(card.dataset.at), { focus: false });
  });
  for (const [name, plays] of [["pointerenter", true], ["pointerleave", false]])
    list.addEventListener(name, (event) => {
      if (event.pointerType !== "mouse" || !event.target.matches?.(".media.has-video") || stillness.matches) return;
      const card = event.target.closest(".card");
      Cards.load(card, rowOf(card), online());
      const video = card.querySelector("video");
      if (plays && video) start(video);
      else video?.pause();
    }, true);

  // Keys

  const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -columns(), ArrowDown: () => columns() };
  const KEYS = {
    " ": toggle,
    k: (card) => mark(rowOf(card), "keep"),
    r: (card) => mark(rowOf(card), "redo"),
    n: writeNote,
    Enter: enlarge,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target;
    if (field.matches("textarea, input, select")) {
      if (event.key === "Escape" && field.matches(".note, #find")) leave(field);
      return;
    }
    const presses = field.matches("button, a, summary") && (event.key === " " || event.key === "Enter");
    if (presses || at("help").open) return;
    if (SideBySide.isOpen() ? SideBySide.key(event.key) : pressed(event.key)) event.preventDefault();
  });

  function leave(field) {
    field.blur();
    setCurrent(current);
  }

  function pressed(key) {
    if (key === "/") at("find").focus();
    else if (key === "?") at("help").showModal();
    else {
      const card = currentCard();
      if (!card) return false;
      const began = card.contains(document.activeElement);
      if (STEPS[key]) setCurrent(began ? current + STEPS[key]() : current);
      else if (/^[1-9]$/.test(key)) showTake(card, Number(key));
      else if (KEYS[key]) KEYS[key](card);
      else return false;
    }
    return true;
  }

  // The rest of the page

  for (const one of Object.values(controls)) one.addEventListener("input", choose);
  at("online")?.addEventListener("change", () => draw());
  at("before").addEventListener("click", () => turn(-1));
  at("after").addEventListener("click", () => turn(1));
  at("save").addEventListener("click", save);
  at("load").addEventListener("change", ({ target }) => {
    if (target.files.length) takeIn(target.files[0]);
    target.value = "";
  });
  at("keys").addEventListener("click", () => at("help").showModal());
  at("help-close").addEventListener("click", () => at("help").close());
  for (const button of document.querySelectorAll(".show"))
    button.addEventListener("click", () => {
      for (const one of Object.values(controls)) if (one !== controls.sort) one.value = "";
      controls.status.value = button.dataset.status;
      controls.kind.value = button.dataset.kind;
      choose();
      at("shots").scrollIntoView();
    });
  for (const button of document.querySelectorAll(".copy"))
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(button.previousElementSibling);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  window.addEventListener("beforeprint", () => { first = 0; draw(PRINTED); });
  window.addEventListener("afterprint", () => { first = Math.floor(current / PAGE) * PAGE; draw(); });

  offerKinds();
  choose();
})();

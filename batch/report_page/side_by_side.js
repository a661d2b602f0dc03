"use strict";
// The large view: one take, or two of them side by side that play in step.

/* global Cards */
/* exported SideBySide */
const SideBySide = (() => {
  const DRIFT = 0.06; // seconds that two videos may be apart
  const dialog = document.getElementById("large");
  const sides = document.getElementById("sides");
  const seek = document.getElementById("seek");
  const play = document.getElementById("play");
  const slower = document.getElementById("slower");
  const note = document.getElementById("large-note");
  let row = null;
  let review = null;

  const videos = () => [...sides.querySelectorAll("video")];
  const leader = () => videos()[0];

  /** Shows a row. `asked` marks it: `mark(row, kind, take)`, `note(row, text)`, `markOf(row)`. */
  function open(which, take, asked) {
    row = which;
    review = asked;
    document.getElementById("large-title").textContent = Cards.nameOf(row);
    document.getElementById("large-prompt").textContent = row.prompt ?? "";
    note.value = review.markOf(row).note;
    const takes = row.takes ?? [];
    const other = takes.filter((one) => one !== take).at(-1);
    const shown = take && other ? [other, take].sort((one, two) => one.take - two.take) : take ? [take] : [];
    sides.replaceChildren(...shown.map(side));
    sides.classList.toggle("two", shown.length === 2);
    if (!shown.length) sides.replaceChildren(...stills());
    for (const one of [play, slower, seek.parentElement]) one.hidden = !shown.length;
    pressed(slower, false);
    refresh();
    if (!dialog.open) dialog.showModal();
    play.focus();
    if (shown.length && !matchMedia("(prefers-reduced-motion: reduce)").matches) start();
  }

  /** One take with what says which it is, and the button that keeps it. */
  function side(take) {
    const place = Cards.element("figure", { className: "side" });
    const choice = Cards.element("select", { ariaLabel: "Which take" });
    for (const one of row.takes) choice.append(new Option(`Take ${one.take}${one.chosen ? ", counts" : ""}`, one.take));
    choice.value = take.take;
    const keep = Cards.element("button", { type: "button", className: "keep", textContent: "Keep" });
    keep.addEventListener("click", () => { review.mark(row, "keep", shownIn(place)); refresh(); });
    choice.addEventListener("change", () => {
      place.replaceChild(video(shownIn(place)), place.firstElementChild);
      follow();
      refresh();
    });
    const title = Cards.element("figcaption", {}, choice, " ", keep);
    place.append(video(take), title);
    return place;
  }

  function shownIn(place) {
    const number = Number(place.querySelector("select").value);
    return row.takes.find((one) => one.take === number);
  }

  function video(take) {
    const made = Cards.player(row, take);
    made.preload = "auto";
    made.addEventListener("timeupdate", follow);
    made.addEventListener("play", showState);
    made.addEventListener("pause", showState);
    made.addEventListener("click", toggle);
    return made;
  }

  function stills() {
    return [row.first, row.last].filter((one) => one?.small).map((one) => {
      const still = Cards.element("img", { src: one.small, alt: one.name });
      return Cards.element("figure", { className: "side" }, still);
    });
  }

  /** The second follows the first: same moment, same speed. */
  function follow() {
    const [first, second] = videos();
    if (!first) return;
    if (first.duration && document.activeElement !== seek) seek.value = String((first.currentTime / first.duration) * 1000);
    if (!second || second.readyState < 1) return;
    second.playbackRate = first.playbackRate;
    const there = Math.min(first.currentTime, second.duration || first.currentTime);
    if (Math.abs(second.currentTime - there) > DRIFT && !second.seeking) second.currentTime = there;
    if (second.paused !== first.paused) act(second, !first.paused);
  }

  /** A video that is taken away before it begins says so: nothing is lost by it. */
  function act(one, plays) {
    if (plays) one.play().catch(() => showState());
    else one.pause();
  }

  function start() {
    for (const one of videos()) act(one, true);
  }

  function toggle() {
    const plays = leader()?.paused ?? false;
    for (const one of videos()) act(one, plays);
    follow();
  }

  function showState() {
    play.textContent = leader()?.paused === false ? "Pause" : "Play";
  }

  function pressed(button, is) {
    button.setAttribute("aria-pressed", String(is));
  }

  /** Which of the takes is kept. */
  function refresh() {
    const mark = review.markOf(row);
    for (const place of sides.querySelectorAll(".side")) {
      const keep = place.querySelector(".keep");
      if (keep) pressed(keep, mark.mark === "keep" && mark.take === shownIn(place)?.take);
    }
    const buttons = document.getElementById("large-marks");
    const redo = Cards.element("button", { type: "button", className: "redo", textContent: "Redo" });
    pressed(redo, mark.mark === "redo");
    redo.addEventListener("click", () => { review.mark(row, "redo"); refresh(); });
    buttons.replaceChildren(redo);
    showState();
  }

  play.addEventListener("click", toggle);
  slower.addEventListener("click", () => {
    const is = slower.getAttribute("aria-pressed") !== "true";
    pressed(slower, is);
    for (const one of videos()) one.playbackRate = is ? 0.5 : 1;
  });
  seek.addEventListener("input", () => {
    for (const one of videos()) if (one.duration) one.currentTime = (seek.value / 1000) * one.duration;
  });
  note.addEventListener("input", () => row && review.note(row, note.value));
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    for (const one of videos()) one.pause();
    sides.replaceChildren();
    review.closed(row);
  });

  /** A key that was pressed while it is open; whether it meant something. */
  function key(name) {
    if (name === " ") toggle();
    else if (name === "k") review.mark(row, "keep", shownIn([...sides.querySelectorAll(".side")].at(-1)));
    else if (name === "r") review.mark(row, "redo");
    else if (name === "n") note.focus();
    else if (name === "ArrowLeft" || name === "ArrowRight") review.step(row, name === "ArrowLeft" ? -1 : 1);
    else return false;
    if (dialog.open) refresh();
    return true;
  }

  return { open, key, isOpen: () => dialog.open };
})();

"use strict";
// One card a shot: its video, its pictures, its words, its mark. All texts are texts, never markup.

/* exported Cards */
const Cards = (() => {
  const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
  const STATES = { succeeded: "done", in_doubt: "in doubt", submitted: "under way", pending: "waiting" };

  /** `48 s`, `5 min 2 s`. */
  function lasting(seconds) {
    const whole = Math.round(seconds);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60 ? `${whole % 60} s` : ""}`.trim();
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  }

  function clock(at) {
    return new Date(at * 1000).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  }

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  /** How a row is called. */
  function nameOf(row) {
    return row.label ?? `row ${row.row}`;
  }

  /** A new card. `online`: pictures that are on the web are shown, too. */
  function build(row, mark, online) {
    const item = document.getElementById("card").content.firstElementChild.cloneNode(true);
    const card = item.firstElementChild;
    card.classList.add(`is-${row.status}`);
    card.setAttribute("aria-label", `${nameOf(row)}, ${STATES[row.status] ?? row.status}`);
    const write = (selector, text) => {
      const found = card.querySelector(selector);
      found.textContent = text ?? "";
      found.hidden = !text;
    };
    write(".badge", STATES[row.status] ?? row.status);
    write(".id", row.label);
    write(".row-number", `row ${row.row}`);
    card.querySelector(".fresh").hidden = !row.fresh;
    write(".prompt", row.prompt);
    write(".words", words(row));
    write(".about", about(row));
    fillEnds(card.querySelector(".ends"), row, online);
    fillTakes(card.querySelector(".takes"), row);
    const media = card.querySelector(".media");
    media.hidden = !(row.takes || row.first?.small || (online && row.first?.online));
    showTake(card, row, takeShown(row, mark), online);
    refresh(card, row, mark);
    return item;
  }

  function words(row) {
    const kind = row.kind ? `${row.kind}: ` : "";
    const log = row.log ? `\nlog: ${row.log.at(-1)}` : "";
    return row.error || row.kind ? `${kind}${row.error ?? ""}${log}` : "";
  }

  function about(row) {
    const told = [row.settings];
    if (row.cost) told.push(money.format(row.cost));
    if (row.seconds !== undefined) told.push(`took ${lasting(row.seconds)}`);
    if (row.at) told.push(clock(row.at));
    return told.filter(Boolean).join(" · ");
  }

  function fillEnds(place, row, online) {
    for (const [what, picture] of [["First picture", row.first], ["Last picture", row.last]]) {
      if (!picture) continue;
      const source = picture.small ?? (online && picture.online ? picture.href : undefined);
      const shown = source
        ? element("img", { src: source, alt: `${what} of ${nameOf(row)}`, loading: "lazy", decoding: "async" })
        : element("span", { className: "no-picture", textContent: picture.name });
      place.append(picture.href ? linked(picture.href, `${what}: ${picture.name}`, shown) : shown);
    }
    place.hidden = !place.childElementCount;
  }

  function linked(href, title, ...children) {
    return element("a", { href, title, target: "_blank", rel: "noopener noreferrer" }, ...children);
  }

  function fillTakes(place, row) {
    const takes = row.takes ?? [];
    place.hidden = takes.length < 2;
    for (const take of takes.length < 2 ? [] : takes) {
      const button = element("button", { type: "button", textContent: `Take ${take.take}` });
      button.dataset.take = take.take;
      button.title = [take.cost && money.format(take.cost), take.at && clock(take.at)].filter(Boolean).join(", ");
      place.append(button);
    }
  }

  /** The take that a mark speaks of, else the one that counts, else the newest. */
  function takeShown(row, mark) {
    const takes = row.takes ?? [];
    return takes.find((one) => one.take === mark.take) ?? takes.find((one) => one.chosen) ?? takes.at(-1);
  }

  /** A picture of a take: of its video, else the one that it begins with. */
  function posterOf(row, take, online) {
    return take?.poster ?? row.first?.small ?? (online && row.first?.online ? row.first.href : undefined);
  }

  /** Puts a take's place into the card; its video comes when it is scrolled to. */
  function showTake(card, row, take, online) {
    const media = card.querySelector(".media");
    const poster = posterOf(row, take, online);
    const still = poster ? element("img", { src: poster, alt: "", loading: "lazy", decoding: "async" }) : "";
    media.replaceChildren(still);
    media.dataset.take = take?.take ?? "";
    media.classList.toggle("has-video", Boolean(take?.sources));
    for (const button of card.querySelectorAll(".takes button"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.take) === take?.take));
  }

  /** A player for a take, which tries one source after another. It loads as little as it can until it is played. */
  function player(row, take, online) {
    const video = element("video", { muted: true, loop: true, playsInline: true });
    const poster = posterOf(row, take, online);
    video.preload = poster ? "none" : "metadata";
    video.setAttribute("aria-label", `Video of ${nameOf(row)}, take ${take.take}`);
    if (poster) video.poster = poster;
    const sources = [...(take.sources ?? [])];
    const next = () => {
      const source = sources.shift();
      if (source) video.src = source;
      else video.replaceWith(...lost(take, poster));
    };
    video.addEventListener("error", next);
    next();
    return video;
  }

  function lost(take, poster) {
    const link = take.sources?.length ? linked(take.sources.at(-1), "", "open it") : "";
    const told = element("p", { className: "lost" }, "This video cannot be loaded here. ", link);
    return poster ? [element("img", { src: poster, alt: "" }), told] : [told];
  }

  /** Gives the card its player; the picture stays until there is one. */
  function load(card, row, online) {
    const media = card.querySelector(".media");
    const take = (row.takes ?? []).find((one) => String(one.take) === media.dataset.take);
    if (!take?.sources || media.querySelector("video, .lost")) return;
    media.replaceChildren(player(row, take, online));
  }

  /** Takes the player away again: a browser holds only so many. */
  function unload(card, row, mark, online) {
    if (card.querySelector("video")) showTake(card, row, takeAt(card, row) ?? takeShown(row, mark), online);
  }

  function takeAt(card, row) {
    return (row.takes ?? []).find((one) => String(one.take) === card.querySelector(".media").dataset.take);
  }

  /** Shows the mark that the row has now. */
  function refresh(card, row, mark) {
    card.dataset.mark = mark.mark;
    card.querySelector(".keep").setAttribute("aria-pressed", String(mark.mark === "keep"));
    card.querySelector(".redo").setAttribute("aria-pressed", String(mark.mark === "redo"));
    const note = card.querySelector(".note");
    if (note.value !== mark.note) note.value = mark.note;
    if (document.activeElement !== note) note.parentElement.hidden = !mark.note;
    const outOfPlace = mark.mark === "keep" && mark.take && (row.takes ?? []).length > 1;
    card.querySelector(".keep").textContent = outOfPlace ? `Keep ${mark.take}` : "Keep";
    card.querySelector(".keep").disabled = !row.takes;
  }

  return { build, element, lasting, load, money, nameOf, player, refresh, showTake, takeAt, takeShown, unload };
})();

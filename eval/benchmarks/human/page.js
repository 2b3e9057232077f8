
"use strict";
// Words of models and of files reach the page through textContent alone.

const data = JSON.parse(document.getElementById("data").textContent);
const items = data.items;
const places = new Map(items.map((item, place) => [item.id, place]));
const FORMAT = "srlm-votes-1";
const CHOICES = { left: "left is better", tie: "tie", right: "right is better", skip: "skipped" };
const KEYS = { ArrowLeft: "left", 1: "left", t: "tie", 2: "tie", ArrowRight: "right", 3: "right", s: "skip" };
const STORE = `srlm-votes-${data.page}`;
const MOST_BYTES = 16 * 2 ** 20;
const MOST_UNDONE = 1000;
const MOST_PARTS = 2000; // of a text in which codes stand out; a browser lays out hundreds of thousands in minutes

const at = (id) => document.getElementById(id);

// What is kept -------------------------------------------------------------------------------------------------------

class State {
  constructor() {
    this.annotator = "";
    this.votes = new Map(); // id of a comparison -> choice
    this.place = 0; // of the comparison that is shown; items.length: the end
    this.history = []; // of each step the votes before it: [[id, choice or null], ...]
    this.keys = true;
    this.unsaved = false;
  }

  get packed() {
    const { annotator, place, history, keys, unsaved } = this;
    return JSON.stringify({ annotator, place, history, keys, unsaved, votes: [...this.votes] });
  }

  // What this browser kept; anything in it that this page did not write is left out.
  static unpacked(text) {
    const state = new State();
    const found = JSON.parse(text);
    const known = ([id, choice]) => places.has(id) && (choice === null || Object.hasOwn(CHOICES, choice));
    state.annotator = nameOf(found.annotator);
    state.votes = new Map(found.votes.filter((vote) => known(vote) && vote[1] !== null));
    state.history = found.history.map((step) => step.filter(known)).filter((step) => step.length);
    state.place = Math.min(Math.max(0, Math.trunc(Number(found.place)) || 0), items.length);
    state.keys = found.keys !== false;
    state.unsaved = found.unsaved === true;
    return state;
  }

  // Set votes, and remember what was there.
  change(votes) {
    this.history.push(votes.map(([id]) => [id, this.votes.get(id) ?? null]));
    if (this.history.length > MOST_UNDONE) this.history.shift();
    for (const [id, choice] of votes) this.votes.set(id, choice);
    this.unsaved = true;
  }

  undo() {
    const step = this.history.pop();
    for (const [id, choice] of step) choice === null ? this.votes.delete(id) : this.votes.set(id, choice);
    this.unsaved = true;
    return step;
  }

  // The next comparison without a vote, from here round to the start; items.length: every one has a vote.
  open(from) {
    for (let step = 0; step < items.length; step += 1) {
      const place = (from + step) % items.length;
      if (!this.votes.has(items[place].id)) return place;
    }
    return items.length;
  }

  count(choice) {
    return [...this.votes.values()].filter((one) => one === choice).length;
  }
}

function nameOf(value) {
  return typeof value === "string" ? value.normalize("NFC").trim().replace(/\s+/gu, " ") : "";
}

let keeps = true; // whether this browser keeps anything

function kept() {
  try {
    const text = localStorage.getItem(STORE);
    return text === null ? new State() : State.unpacked(text);
  } catch {
    return new State();
  }
}

function keep(name = STORE, text = state.packed) {
  try {
    localStorage.setItem(name, text);
    keeps = true;
  } catch {
    keeps = false;
  }
  at("volatile").hidden = keeps;
  const words = "This browser does not keep your votes. Save them as a file before you close this page.";
  if (at("volatile").textContent !== (keeps ? "" : words)) at("volatile").textContent = keeps ? "" : words;
}

let state = kept();

// What is shown ------------------------------------------------------------------------------------------------------

function write(element, text) {
  const parts = text.split(/\ue000([0-9A-F]+)\ue001/u);
  if (parts.length > MOST_PARTS) {
    element.textContent = text.replace(/\ue000([0-9A-F]+)\ue001/gu, "U+$1");
  } else {
    element.replaceChildren(
      ...parts.map((part, place) => {
        if (place % 2 === 0) return document.createTextNode(part);
        const code = document.createElement("span");
        code.className = "code";
        code.textContent = `U+${part}`;
        return code;
      }),
    );
  }
  element.classList.toggle("empty", !text.trim());
  if (!text.trim()) element.textContent = "(an empty answer)";
  element.scrollTop = 0;
}

function turn(role, text) {
  const whole = document.createElement("div");
  const words = document.createElement("div");
  whole.className = "turn";
  words.className = "words";
  words.dir = "auto";
  write(words, text);
  if (!text.trim()) words.textContent = "(empty)";
  if (role !== null) {
    const name = document.createElement("span");
    name.className = "role";
    write(name, role.charAt(0).toUpperCase() + role.slice(1));
    whole.append(name);
  }
  whole.append(words);
  return whole;
}

let shown = null; // the comparison whose words are on the page

function show() {
  const begun = state.annotator !== "";
  const over = begun && state.place === items.length;
  const judged = state.votes.size - state.count("skip");
  at("start").hidden = begun;
  at("task").hidden = !begun || over;
  at("done").hidden = !over;
  for (const id of ["progress", "tools", "footer"]) at(id).hidden = !begun;
  at("votes").hidden = over;
  at("bar").value = state.votes.size;
  const skipped = state.count("skip");
  at("count").textContent = `${judged} of ${items.length} judged` + (skipped ? `, ${skipped} skipped` : "");
  at("previous").disabled = state.place === 0;
  at("next").disabled = over || (state.place === items.length - 1 && state.open(0) < items.length);
  at("undo").disabled = state.history.length === 0;
  at("number").value = String(Math.min(state.place + 1, items.length));
  at("keys").checked = state.keys;
  at("who").textContent = state.annotator;
  at("summary").textContent = `${at("count").textContent}.`;
  at("skipped").hidden = skipped === 0;
  if (!begun || over) return;
  const item = items[state.place];
  if (shown !== item) {
    at("where").textContent = `Comparison ${state.place + 1} of ${items.length}`;
    const several = item.turns.length > 1;
    at("turns").replaceChildren(...item.turns.map(([role, text]) => turn(several ? role : null, text)));
    // Of a conversation, its end is what is to be answered.
    at("turns").scrollTop = several ? at("turns").scrollHeight : 0;
    write(at("left"), item.left);
    write(at("right"), item.right);
    shown = item;
  }
  for (const choice of Object.keys(CHOICES)) {
    at(`vote-${choice}`).setAttribute("aria-pressed", String(state.votes.get(item.id) === choice));
  }
}

function say(words, isError = false) {
  at("said").textContent = words;
  at("said").classList.toggle("error", isError);
}

function update(words, isError = false) {
  keep();
  show();
  say(words, isError);
}

// What is done -------------------------------------------------------------------------------------------------------

function begun() {
  return state.annotator !== "" && state.place < items.length;
}

function goTo(place) {
  state.place = Math.min(Math.max(0, place), items.length);
  update(state.place < items.length ? `Comparison ${state.place + 1} of ${items.length}.` : "Every comparison has a vote.");
  at(state.place < items.length ? "where" : "done-title").focus({ preventScroll: false });
  window.scrollTo(0, 0);
}

function vote(choice) {
  if (!begun()) return;
  const number = state.place + 1;
  state.change([[items[state.place].id, choice]]);
  state.place = state.open(state.place + 1);
  const over = state.place === items.length;
  update(`Comparison ${number}: ${CHOICES[choice]}. ` + (over ? "Every comparison has a vote." : `Now ${state.place + 1}.`));
  window.scrollTo(0, 0);
  if (over) at("save-done").focus();
}

function undo() {
  if (state.annotator === "" || state.history.length === 0) return;
  const step = state.undo();
  state.place = places.get(step[0][0]);
  const what = step.length === 1 ? `The vote on comparison ${state.place + 1}` : `What the file said of ${step.length} comparisons`;
  update(`${what} is taken back.`);
  if (at("undo").disabled && document.activeElement === document.body) at("where").focus();
}

function votesFile() {
  const votes = items.filter(({ id }) => state.votes.has(id)).map(({ id }) => ({ item: id, vote: state.votes.get(id) }));
  return { format: FORMAT, page: data.page, annotator: state.annotator, items: items.length, votes };
}

function save() {
  if (state.annotator === "") return;
  if (state.votes.size === 0) return say("There is no vote to save yet.", true);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(votesFile(), null, 1) + "\n"], { type: "application/json" }));
  const name = state.annotator.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "annotator";
  link.download = `votes-${name}-${data.page.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  state.unsaved = false;
  const rest = items.length - state.votes.size;
  update(`Saved as ${link.download}` + (rest ? `: ${rest} of ${items.length} comparisons have no vote yet.` : "."));
}

// The votes in a saved file. Throws an Error that says what is wrong with it.
function votesIn(text) {
  let found;
  try {
    found = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new Error("it is not JSON; perhaps only half of it is there");
  }
  if (typeof found !== "object" || found === null || found.format !== FORMAT || !Array.isArray(found.votes)) {
    throw new Error("it is not a file of votes");
  }
  if (found.page !== data.page) throw new Error("its votes are of another page");
  const name = nameOf(found.annotator);
  if (!name || name.length > 80) throw new Error("it names no annotator");
  if (state.annotator && state.annotator !== name) {
    throw new Error(`its votes are ${name}'s, and here is ${state.annotator}; choose "Another annotator" first`);
  }
  const votes = new Map();
  for (const one of found.votes) {
    if (typeof one !== "object" || one === null || !places.has(one.item) || !Object.hasOwn(CHOICES, one.vote)) {
      throw new Error("it holds a vote that this page did not write");
    }
    if (votes.has(one.item) && votes.get(one.item) !== one.vote) throw new Error("it holds two votes on one comparison");
    votes.set(one.item, one.vote);
  }
  if (votes.size === 0) throw new Error("it holds no votes");
  return { name, votes };
}

async function load(event) {
  const field = event.target;
  const [file] = field.files;
  if (!file) return;
  try {
    at("refused").textContent = "";
    if (file.size > MOST_BYTES) throw new Error("it is too large for a file of votes");
    const { name, votes } = votesIn(await file.text());
    const differing = [...votes].filter(([id, choice]) => state.votes.get(id) !== choice);
    const replaced = differing.filter(([id]) => state.votes.has(id)).length;
    state.annotator = name;
    if (differing.length) state.change(differing);
    state.place = state.open(0);
    update(`Loaded ${votes.size} votes` + (replaced ? `, ${replaced} in place of others; Undo brings these back.` : "."));
    at(state.place < items.length ? "where" : "done-title").focus();
  } catch (error) {
    const words = `${file.name.slice(0, 80)} was not loaded: ${error.message}.`;
    at("refused").textContent = words;
    say(words, true);
  } finally {
    field.value = "";
  }
}

function begin(event) {
  event.preventDefault();
  const name = nameOf(at("name").value);
  if (!name) {
    at("name").value = "";
    at("name").reportValidity();
    return;
  }
  state.annotator = name;
  state.place = state.open(0);
  update(`Comparison ${state.place + 1} of ${items.length}.`);
  at("where").focus();
}

function leave() {
  state = new State();
  at("sure").hidden = true;
  at("more").open = false;
  at("name").value = "";
  shown = null;
  update("");
  at("name").focus();
}

// Keys ---------------------------------------------------------------------------------------------------------------

function takesLetters(target) {
  return target instanceof HTMLInputElement && !["checkbox", "file"].includes(target.type);
}

function pressed(event) {
  if (event.defaultPrevented || event.isComposing) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && key === "s") {
    event.preventDefault();
    save();
    return;
  }
  if (event.key === "Escape" && takesLetters(event.target)) return at("where").focus();
  if (event.ctrlKey || event.metaKey || event.altKey || takesLetters(event.target)) return;
  if (!state.keys || state.annotator === "") return;
  const act = {
    u: undo,
    p: () => state.place > 0 && goTo(state.place - 1),
    n: () => !at("next").disabled && goTo(state.place + 1),
    g: () => {
      at("number").focus();
      at("number").select();
    },
  }[key];
  if (act) {
    event.preventDefault();
    act();
  } else if (Object.hasOwn(KEYS, key) && begun()) {
    event.preventDefault();
    if (!event.repeat) vote(KEYS[key]); // a key that is held down votes once
  }
}

for (const choice of Object.keys(CHOICES)) at(`vote-${choice}`).addEventListener("click", () => vote(choice));
at("undo").addEventListener("click", undo);
at("previous").addEventListener("click", () => goTo(state.place - 1));
at("next").addEventListener("click", () => goTo(state.place + 1));
at("save").addEventListener("click", save);
at("save-done").addEventListener("click", save);
at("skipped").addEventListener("click", () => goTo(items.findIndex(({ id }) => state.votes.get(id) === "skip")));
at("name-form").addEventListener("submit", begin);
at("go").addEventListener("submit", (event) => {
  event.preventDefault();
  goTo(Math.trunc(Number(at("number").value)) - 1);
});
at("keys").addEventListener("change", () => {
  state.keys = at("keys").checked;
  update(state.keys ? "Single keys vote." : "Single keys do nothing now; the buttons vote.");
});
at("other").addEventListener("click", () => {
  at("sure").hidden = false;
  at("stay").focus();
});
at("leave").addEventListener("click", leave);
at("stay").addEventListener("click", () => {
  at("sure").hidden = true;
  at("other").focus();
});
for (const field of document.querySelectorAll(".load")) field.addEventListener("change", load);
document.addEventListener("keydown", pressed);
window.addEventListener("storage", (event) => {
  // The same page in another tab.
  if (event.key !== STORE) return;
  state = kept();
  show();
  say("Your votes were changed in another window.");
});
window.addEventListener("beforeunload", (event) => {
  if (!keeps && state.unsaved) event.preventDefault();
});

// Whether this browser keeps anything. The state itself is not written: another window may have kept more than this one
// has read, for Chromium carries what is written from one process to another after a while.
keep(`${STORE}-try`, "");
show();
if (state.annotator === "") at("name").focus();

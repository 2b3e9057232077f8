"use strict";
// The browser of prompts (browser.html). Behind report.js, whose `make` and `copy` it uses.

const [ID, CHUNK, PLACE, CATEGORY, FLAGS, SOURCE, TEXT, BENCHMARK] = [0, 1, 2, 3, 4, 5, 6, 7];
const SHOWN = 200;

class Browser {
  constructor(index) {
    this.prompts = index.prompts;
    this.lower = this.prompts.map((prompt) => prompt[TEXT].toLowerCase());
    this.places = new Map(this.prompts.map((prompt, place) => [prompt[ID], place]));
    this.chunks = [...document.querySelectorAll("script.chunk")];
    this.opened = new Map();
    this.found = this.prompts.map((_, place) => place);
    this.chosen = -1;
    this.first = 0;
  }

  // A chunk's prompts; unpacked once.
  open(number) {
    if (!this.opened.has(number)) this.opened.set(number, this.unpack(this.chunks[number].textContent));
    return this.opened.get(number);
  }

  async unpack(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  // Which prompts hold these words in an answer. Chunks are searched and let go: all of them together are large.
  async answering(words) {
    const found = new Set();
    for (let number = 0; number < this.chunks.length; number += 1) {
      const prompts = await this.unpack(this.chunks[number].textContent);
      for (const prompt of prompts) {
        if (prompt.answers.some((answer) => answer[1].toLowerCase().includes(words))) found.add(prompt.id);
      }
    }
    return found;
  }

  select(words, { filter, category, benchmark }, inAnswers) {
    this.found = [];
    this.prompts.forEach((prompt, place) => {
      const said = !words || this.lower[place].includes(words) || (inAnswers && inAnswers.has(prompt[ID]));
      const of = !benchmark || prompt[BENCHMARK] === Number(benchmark);
      if (said && of && (!filter || prompt[FLAGS].includes(filter)) && (!category || prompt[CATEGORY] === category)) this.found.push(place);
    });
  }
}

function listed(browser) {
  const at = browser.found.indexOf(browser.chosen);
  const first = Math.max(0, Math.min(at - SHOWN / 2, browser.found.length - SHOWN));
  const items = browser.found.slice(first, first + SHOWN).map((place) => {
    const link = make("a", `${place + 1}. ${browser.prompts[place][TEXT].slice(0, 160)}`);
    link.href = `#prompt-${browser.prompts[place][ID]}`;
    link.dir = "auto";
    if (place === browser.chosen) link.setAttribute("aria-current", "true");
    const item = make("li");
    item.append(link);
    return item;
  });
  document.getElementById("list").replaceChildren(...items);
  const pane = document.getElementById("list-pane");
  const current = pane.querySelector("[aria-current]");
  if (current) pane.scrollTop = current.offsetTop - pane.offsetTop - pane.clientHeight / 3;
  const more = browser.found.length > SHOWN ? `; the list shows ${SHOWN} of them` : "";
  document.getElementById("found").textContent = `${browser.found.length} of ${browser.prompts.length} prompts${more}`;
}

function words(text) {
  const element = make("div", text.trim() ? text : "(empty)", text.trim() ? "words" : "missing");
  element.dir = "auto";
  return element;
}

function answered(prompt) {
  const grid = make("div", undefined, "answers");
  for (const [model, text, finish] of prompt.answers) {
    const box = make("div");
    box.tabIndex = 0;
    box.append(make("h4", model + (finish === "length" ? " (cut at its limit)" : "")), words(text));
    grid.append(box);
  }
  return grid;
}

const SAYS = new Map([[1, "first is better"], [0.5, "equal"], [0, "second is better"], [null, "not readable"]]);

function verdicts(prompt) {
  return prompt.verdicts.map(([a, b, judge, outcome, ab, ba, rawAb, rawBa]) => {
    const row = make("div", undefined, "said");
    const head = make("div", `${a} against ${b}, judge ${judge}: `);
    head.append(make("span", outcome ?? "unscored", `outcome ${outcome ?? ""}`));
    if (outcome !== null && ab !== ba) head.append(" the order decided");
    row.append(head);
    for (const [order, preference, raw] of [[`${a} shown first`, ab, rawAb], [`${b} shown first`, ba, rawBa]]) {
      const said = preference === 0.5 || preference === null ? SAYS.get(preference) : `${preference === 1 ? a : b} is better`;
      row.append(make("small", `${order}: ${said}`), words(raw));
    }
    return row;
  });
}

// What a judge said of a model's answer and the reference's, a row an order and draw.
function annotations(prompt) {
  return (prompt.annotations ?? []).map(([model, baseline, judge, draw, switched, preference, missing, said, whole]) => {
    const row = make("div", undefined, "said");
    const head = make("div", `${model} against ${baseline}, judge ${judge}: `);
    const outcome = preference === null ? undefined : preference > 0.5 ? "win" : preference < 0.5 ? "lose" : "tie";
    head.append(make("span", outcome ?? "unscored", `outcome ${outcome ?? ""}`));
    head.append(preference === null ? ` no preference (${missing})` : ` preference for ${model}: ${preference.toFixed(3)}`);
    const shown = switched === null ? "order not recorded" : `${switched ? model : baseline} shown first`;
    row.append(head, make("small", draw ? `${shown}, draw ${draw + 1}` : shown));
    row.append(said === null ? make("div", "(no words on record)", "missing") : words(said));
    if (whole !== null) {
      const details = make("details");
      details.append(make("summary", "As it was received"), words(whole));
      row.append(details);
    }
    return row;
  });
}

function judgements(prompt) {
  return prompt.judgements.map(([model, answer, ...said]) => {
    const row = make("div", undefined, "said");
    row.append(make("div", `${model} of its own answer:`), words(answer));
    for (let place = 0; place < said.length; place += 2) {
      row.append(make("small", said[place] === null ? "no score" : `score ${said[place]}`), words(said[place + 1]));
    }
    return row;
  });
}

function folded(title, rows, open) {
  if (!rows.length) return [];
  const details = make("details");
  details.open = open;
  details.append(make("summary", `${title} (${rows.length})`), ...rows);
  return [details];
}

async function show(browser, place) {
  browser.chosen = place;
  listed(browser);
  const entry = browser.prompts[place];
  const prompt = (await browser.open(entry[CHUNK]))[entry[PLACE]];
  if (browser.chosen !== place) return;
  const heading = make("h3", `Prompt ${place + 1}`);
  heading.append(make("small", ` ${[entry[CATEGORY], entry[SOURCE], entry[ID]].filter(Boolean).join(", ")}`));
  document.getElementById("prompt").replaceChildren(
    heading,
    words(prompt.text),
    make("h4", "Answers"),
    answered(prompt),
    ...folded("Verdicts, in both orders", verdicts(prompt), prompt.verdicts.length < 12),
    ...folded("Preferences against the reference", annotations(prompt), true),
    ...folded("Judgements of own answers", judgements(prompt), false),
  );
}

function start(index) {
  const browser = new Browser(index);
  const field = (id) => document.getElementById(id);
  const chosen = () => ({ filter: field("filter").value, category: field("category").value, benchmark: field("benchmark").value });
  const categories = [...new Set(browser.prompts.map((prompt) => prompt[CATEGORY]))].filter(Boolean).sort();
  for (const category of categories) field("category").append(new Option(category, category));
  const benchmarks = new Set(browser.prompts.map((prompt) => prompt[BENCHMARK]));
  for (const number of benchmarks) field("benchmark").append(new Option(index.benchmarks[number], number));
  field("benchmark").parentElement.hidden = benchmarks.size < 2;
  let asked = 0;

  const refresh = async () => {
    const mine = ++asked;
    const text = field("search").value.trim().toLowerCase();
    const inAnswers = text && field("search-answers").checked ? await browser.answering(text) : null;
    if (mine !== asked) return;
    browser.select(text, chosen(), inAnswers);
    if (browser.found.length && !browser.found.includes(browser.chosen)) show(browser, browser.found[0]);
    else listed(browser);
  };
  const go = (place) => {
    history.replaceState(null, "", `#prompt-${browser.prompts[place][ID]}`);
    show(browser, place);
  };
  const follow = () => {
    const place = browser.places.get(location.hash.replace(/^#prompt-/, ""));
    if (place === undefined) return;
    if (!browser.found.includes(place)) {
      field("filters").reset();
      browser.select("", chosen(), null);
    }
    show(browser, place);
    field("browser").scrollIntoView();
  };
  const step = (by) => {
    const at = browser.found.indexOf(browser.chosen) + by;
    if (at >= 0 && at < browser.found.length) go(browser.found[at]);
  };

  for (const id of ["search", "search-answers", "filter", "category", "benchmark"]) field(id).addEventListener("input", refresh);
  field("filters").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") {
      event.preventDefault();
      field("search").focus();
    }
  });
  field("browse").hidden = false;
  if (browser.places.has(location.hash.replace(/^#prompt-/, ""))) follow();
  else show(browser, 0);
}

const index = document.getElementById("index");
if (index) start(JSON.parse(index.textContent));

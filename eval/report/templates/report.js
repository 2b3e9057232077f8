
"use strict";
// Words of models reach the page through textContent alone.

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// Tables: copied as CSV or Markdown, downloaded as CSV ------------------------------------------------------------

// Not innerText: what is folded, or not drawn yet, has none.
function cellText(cell) {
  const numbers = cell.querySelectorAll("data");
  if (numbers.length === 1 && numbers[0].textContent === cell.textContent.trim()) return numbers[0].value;
  const parts = [...cell.childNodes].map((node) => (node.nodeName === "BR" ? " " : node.textContent));
  return parts.join("").replace(/\s+/g, " ").trim();
}

function rowsOf(table) {
  return [...table.rows].map((row) => [...row.cells].map(cellText));
}

function csv(rows) {
  // As srlm/text/spreadsheet.py does it: no cell is a formula.
  const quoted = (text) => {
    const number = /^'*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
    const safe = /^'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) && !number ? "'" + text : text;
    return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  };
  return rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

function markdown(rows) {
  // As srlm/text/markdown.py does it: words, and no more than words.
  const words = (text) => text.replace(/[\\`*_{}[\]<>#|~!&$@]|:(?=\/\/)|:(?=[\w+-]+:)|(?<=\bwww)\./gi, "\\$&");
  const line = (row) => "| " + row.map(words).join(" | ") + " |";
  return [line(rows[0]), line(rows[0].map(() => "---")), ...rows.slice(1).map(line)].join("\n") + "\n";
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function download(name, ending, blob) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Figures: as files of their own ----------------------------------------------------------------------------------

// As it is seen: in the page's colours, light or dark, and on its ground.
function alone(svg) {
  const style = getComputedStyle(svg);
  const [left, top, width, height] = svg.getAttribute("viewBox").split(" ");
  const copied = svg.cloneNode(true);
  copied.setAttribute("width", width);
  copied.setAttribute("height", height);
  const ground = document.createElementNS(svg.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ x: left, y: top, width, height, fill: "var(--back)" })) ground.setAttribute(name, value);
  copied.prepend(ground);
  return new XMLSerializer()
    .serializeToString(copied)
    .replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim())
    .replaceAll("currentColor", style.color);
}

// Drawn on a canvas element by element: the page's policy admits no image, not even one of its own.
function painted(svg) {
  const scale = 3;
  const { width, height } = svg.viewBox.baseVal;
  const canvas = make("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width * scale), Math.ceil(height * scale)];
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--back");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  const shown = svg.getBoundingClientRect();
  const fit = (scale * width) / shown.width;
  const onCanvas = new DOMMatrix([fit, 0, 0, fit, -fit * shown.left, -fit * shown.top]);
  for (const element of svg.querySelectorAll("path, line, rect, text")) paint(pen, element, onCanvas);
  return canvas;
}

function paint(pen, element, onCanvas) {
  const style = getComputedStyle(element);
  if (style.display === "none") return;
  pen.setTransform(onCanvas.multiply(element.getScreenCTM()));
  const drawn = { fill: style.fill, stroke: style.stroke };
  const faint = (kind) => (pen.globalAlpha = Number(style.opacity) * Number(style[`${kind}Opacity`]));
  if (element.tagName === "text") {
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    pen.fillStyle = drawn.fill;
    faint("fill");
    const spans = element.querySelectorAll("tspan");
    for (const line of spans.length ? spans : [element]) {
      const text = line.textContent;
      if (!text.trim()) continue;
      const { x, y } = line.getStartPositionOfChar(0);
      const wide = line.getComputedTextLength();
      pen.textAlign = "left";
      pen.fillText(text, x, y, line.hasAttribute("textLength") ? wide : undefined);
    }
    return;
  }
  const path = new Path2D(element.tagName === "path" ? element.getAttribute("d") : undefined);
  const length = (name) => element[name].baseVal.value;
  if (element.tagName === "line") {
    path.moveTo(length("x1"), length("y1"));
    path.lineTo(length("x2"), length("y2"));
  } else if (element.tagName === "rect") path.rect(length("x"), length("y"), length("width"), length("height"));
  if (drawn.fill !== "none") {
    pen.fillStyle = drawn.fill;
    faint("fill");
    pen.fill(path);
  }
  if (drawn.stroke !== "none") {
    pen.strokeStyle = drawn.stroke;
    pen.lineWidth = parseFloat(style.strokeWidth);
    pen.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat));
    faint("stroke");
    pen.stroke(path);
  }
}

// One toolbar a figure and a table --------------------------------------------------------------------------------

function addTools(table) {
  const name = table.dataset.name;
  const tools = make("div", undefined, "tools");
  const button = (text, whole, act) => {
    const made = make("button", text);
    made.type = "button";
    made.setAttribute("aria-label", `${whole}: ${name}`);
    made.addEventListener("click", () => act(made));
    tools.append(made);
  };
  const copied = (made, text) =>
    copy(text).then(() => {
      const before = made.textContent;
      if (before === "Copied") return;
      made.textContent = "Copied";
      made.addEventListener("blur", () => (made.textContent = before), { once: true });
    });
  const file = (ending, text, type) => download(name, ending, new Blob([text], { type }));
  const figure = table.closest("figure");
  button("Copy", "Copy CSV", (made) => copied(made, csv(rowsOf(table))));
  if (!figure) button("Markdown", "Copy Markdown", (made) => copied(made, markdown(rowsOf(table))));
  button("CSV", "Download CSV", () => file("csv", csv(rowsOf(table)), "text/csv"));
  if (figure) {
    const svg = figure.querySelector("svg");
    button("PNG", "Download PNG", () => painted(svg).toBlob((blob) => download(name, "png", blob)));
    button("SVG", "Download SVG", () => file("svg", alone(svg), "image/svg+xml"));
    figure.querySelector(".under").append(tools);
    return;
  }
  const around = make("div", undefined, "tooled");
  table.parentElement.before(around);
  around.append(tools, table.parentElement);
}

document.querySelectorAll("table[data-name]").forEach(addTools);

// The browser -----------------------------------------------------------------------------------------------------

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

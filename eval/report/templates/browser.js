"use strict";
// The browser of prompts (browser.html). Behind report.js, whose `make` and `copy` it uses, markdown.js and
// difference.js. All that is chosen is in the address: #prompt-ID, or #prompts for the first one found, then
// &KEY=VALUE of what is not as at first (`KEYS` below; eval/report/lists.py writes such addresses, too).

(() => {
  const [ID, CHUNK, PLACE, CATEGORY, FLAGS, SOURCE, TEXT, BENCHMARK, KINDS, OUTCOMES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const SHOWN = 200;
  const FEW = 6;
  // Models whose answers are all shown at first; of more, the first and the last three.
  const MOST_RENDERED = 100_000;
  const MOST_ELEMENTS = 10_000;
  // Longer answers, in characters, and those of more elements are shown raw: laying them out would take seconds.
  const LETTERS = { win: "w", tie: "t", lose: "l", unread: "u" };

  class Browser {
    constructor(index) {
      this.index = index;
      this.prompts = index.prompts;
      this.names = [...index.models, ...index.others];
      this.lower = this.prompts.map((prompt) => prompt[TEXT].toLowerCase());
      this.places = new Map(this.prompts.map((prompt, place) => [prompt[ID], place]));
      this.pairs = index.pairs.flatMap((own, benchmark) =>
        own.map(([model, baseline, judge], place) => ({ model, baseline, judge, benchmark, place })),
      );
      this.chunks = [...document.querySelectorAll("script.chunk")];
      this.opened = new Map();
      this.found = this.prompts.map((_, place) => place);
      this.chosen = -1;
      this.models = null;
      // Those whose answers are shown; null: as at first.
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

    // Letter of what became of a pair of models; undefined: no judge compared them on this prompt.
    outcome(prompt, pair) {
      const letter = prompt[BENCHMARK] === pair.benchmark ? prompt[OUTCOMES][pair.place] : undefined;
      return letter === "-" ? undefined : letter;
    }

    select({ words, filter, kind, benchmark, pair, outcome }, inAnswers) {
      const compared = pair === "" ? null : this.pairs[pair];
      this.found = [];
      this.prompts.forEach((prompt, place) => {
        if (words && !this.lower[place].includes(words) && !inAnswers?.has(prompt[ID])) return;
        if (benchmark !== "" && prompt[BENCHMARK] !== Number(benchmark)) return;
        if (filter && !prompt[FLAGS].includes(filter)) return;
        if (kind !== "" && !prompt[KINDS].includes(Number(kind))) return;
        const letter = compared && this.outcome(prompt, compared);
        if (compared && (letter === undefined || (outcome && letter !== LETTERS[outcome]))) return;
        this.found.push(place);
      });
    }

    // Names whose answers are shown: those chosen; else all of a few; else a chosen pair, or the first and the last.
    shown(pair) {
      if (this.models) return this.models;
      if (this.names.length <= FEW) return new Set(this.names);
      const { models, others } = this.index;
      if (pair) return new Set(this.names.filter((name) => [pair.model, pair.baseline, `${pair.baseline} (reference)`].includes(name)));
      return new Set([models[0], ...models.slice(-3), ...others.slice(0, 2)]);
    }
  }

  const field = (id) => document.getElementById(id);

  function words(text) {
    const element = make("div", text.trim() ? text : "(empty)", text.trim() ? "words" : "missing");
    element.dir = "auto";
    return element;
  }

  // An answer's Markdown as elements; null: it is shown raw.
  function rendered(text) {
    if (!text.trim() || text.length > MOST_RENDERED) return null;
    const element = make("div", undefined, "rendered");
    element.dir = "auto";
    element.append(fromMarkdown(text));
    return element.querySelectorAll("*").length > MOST_ELEMENTS ? null : element;
  }

  function box(...parts) {
    const made = make("div");
    made.tabIndex = 0;
    made.append(...parts);
    return made;
  }

  function answered(prompt, shown, raw) {
    const grid = make("div", undefined, "answers");
    for (const [model, text, finish] of prompt.answers) {
      if (!shown.has(model)) continue;
      const element = raw ? null : rendered(text);
      const title = make("h4", model + (finish === "length" ? " (cut at its limit)" : ""));
      const said = outcomesOf(prompt, model, shown);
      const notes = [
        ...(said ? [make("p", said, "soft")] : []),
        ...(text.trim() && !raw && !element ? [make("p", "shown raw: too long to be rendered", "soft")] : []),
      ];
      grid.append(box(title, ...notes, element ?? words(text)));
    }
    return grid;
  }

  // What judges said of a model's answer beside the others that are shown: `better than M1, M2; worse than SFT`.
  function outcomesOf(prompt, model, shown) {
    const said = { "better than": new Set(), "level with": new Set(), "worse than": new Set() };
    for (const [a, b, , outcome] of prompt.verdicts) {
      if (!outcome || !shown.has(a) || !shown.has(b) || (model !== a && model !== b)) continue;
      const better = outcome === "tie" ? "level with" : (outcome === "win") === (model === a) ? "better than" : "worse than";
      said[better].add(model === a ? b : a);
    }
    const told = Object.entries(said).filter(([, names]) => names.size);
    return told.map(([better, names]) => `${better} ${[...names].join(", ")}`).join("; ");
  }

  // From one model's answer to another's: what is gone is struck through, what is new underlined.
  function changes(prompt, from, to) {
    const [before, after] = [from, to].map((name) => prompt.answers.find((answer) => answer[0] === name));
    const title = make("h4", `Differences from ${from} to ${to}`);
    const missing = before ? (after ? null : to) : from;
    if (missing) return [title, make("p", `missing: ${missing} has not answered this prompt`, "missing")];
    const counts = { gone: 0, come: 0, same: 0 };
    const text = make("div", undefined, "words changes");
    text.dir = "auto";
    for (const piece of difference(before[1], after[1])) {
      for (const [kind, tag] of [["same", null], ["gone", "del"], ["come", "ins"]]) {
        if (!piece[kind]) continue;
        counts[kind] += piece[kind].match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
        text.append(tag ? make(tag, piece[kind]) : piece[kind]);
      }
    }
    const said = before[1] === after[1] ? "The same answer." : `${counts.gone} ${counts.gone === 1 ? "word" : "words"} only in ${from}, ${counts.come} only in ${to}, ${counts.same} in both.`;
    return [title, make("p", said, "soft"), box(text)];
  }

  const SAYS = new Map([[0.5, "equal"], [null, "not readable"]]);

  function verdict([a, b, judge, outcome, ab, ba, rawAb, rawBa]) {
    const row = make("div", undefined, "said");
    const head = make("div", `${a} against ${b}, judge ${judge}: `);
    head.append(make("span", outcome ?? "unscored", `outcome ${outcome ?? ""}`));
    if (outcome !== null && ab !== ba) head.append(" the order decided");
    row.append(head);
    for (const [order, preference, raw] of [[`${a} shown first`, ab, rawAb], [`${b} shown first`, ba, rawBa]]) {
      const said = SAYS.get(preference) ?? `${preference === 1 ? a : b} is better`;
      row.append(make("small", `${order}: ${said}`), words(raw));
    }
    return row;
  }

  // What a judge said of a model's answer and the reference's, a row an order and draw.
  function annotation([model, baseline, judge, draw, switched, preference, missing, said, whole]) {
    const row = make("div", undefined, "said");
    const head = make("div", `${model} against ${baseline}, judge ${judge}: `);
    const outcome = preference === null ? undefined : preference > 0.5 ? "win" : preference < 0.5 ? "lose" : "tie";
    head.append(make("span", outcome ?? "unscored", `outcome ${outcome ?? ""}`));
    head.append(preference === null ? ` no preference (${missing})` : ` preference for ${model}: ${preference.toFixed(3)}`);
    const shown = switched === null ? "order not recorded" : `${switched ? model : baseline} shown first`;
    row.append(head, make("small", draw ? `${shown}, draw ${draw + 1}` : shown));
    row.append(said === null ? make("div", "(no words on record)", "missing") : words(said));
    if (whole !== null) row.append(...folded("As it was received", [whole], words, false, ""));
    return row;
  }

  function judgement([model, answer, ...said]) {
    const row = make("div", undefined, "said");
    row.append(make("div", `${model} of its own answer:`), words(answer));
    for (let place = 0; place < said.length; place += 2) {
      row.append(make("small", said[place] === null ? "no score" : `score ${said[place]}`), words(said[place + 1]));
    }
    return row;
  }

  // Rows that are made when they are first looked at: 60 models have 1,770 pairs.
  function folded(title, rows, make_row, open, count = ` (${rows.length})`) {
    if (!rows.length) return [];
    const details = make("details");
    details.append(make("summary", title + count));
    const fill = () => details.append(...rows.map(make_row));
    if (open) fill();
    else details.addEventListener("toggle", fill, { once: true });
    details.open = open;
    return [details];
  }

  // Rows of models that are shown, and, apart and folded, those of the others.
  function said(title, rows, make_row, among, open) {
    const [own, others] = [rows.filter(among), rows.filter((row) => !among(row))];
    return [...folded(title, own, make_row, open), ...folded(`${title}, of models not shown`, others, make_row, false)];
  }

  function start(index) {
    const browser = new Browser(index);
    let asked = 0;
    const chosen = () => ({
      words: field("search").value.trim().toLowerCase(),
      ...Object.fromEntries(["filter", "kind", "benchmark", "pair", "outcome"].map((id) => [id, field(id).value])),
    });
    const pair = () => browser.pairs[field("pair").value || -1];
    const comparing = () => field("compare").checked;

    // The address -----------------------------------------------------------------------------------------------------

    const address = () => {
      const parts = [browser.chosen < 0 ? "#prompts" : `#prompt-${browser.prompts[browser.chosen][ID]}`];
      const put = (key, value) => value && parts.push(`${key}=${encodeURIComponent(value)}`);
      const { filter, kind, benchmark, outcome } = chosen();
      put("search", field("search").value.trim());
      put("in", field("search-answers").checked && field("search").value.trim() && "answers");
      put("show", filter);
      put("kind", kind && index.kinds[kind]);
      put("benchmark", benchmark && index.benchmarks[benchmark]);
      if (pair()) {
        put("pair", pair().model);
        put("pair", pair().baseline);
        put("judge", pair().judge);
        put("outcome", outcome);
      }
      put("as", field("raw").checked && "raw");
      if (comparing()) {
        put("from", field("from").value);
        put("to", field("to").value);
      }
      for (const name of browser.models ?? []) put("model", name);
      return parts.join("&");
    };
    const mark = () => field("browse").classList.toggle("linked", location.hash.startsWith("#prompt")); // what is printed
    const note = () => {
      history.replaceState(null, "", address());
      mark();
    };

    // Takes over what an address says; false: it is none of ours. The way of looking stays where it says nothing of it.
    const follow = async () => {
      const [place, ...rest] = location.hash.split("&");
      const told = new URLSearchParams(rest.join("&"));
      const own = place === "#prompts" ? -1 : browser.places.get(place.replace(/^#prompt-/, ""));
      if (own === undefined) return false;
      const among = (values, value) => (values.indexOf(value) < 0 ? "" : String(values.indexOf(value)));
      field("filters").reset();
      field("search").value = told.get("search") ?? "";
      field("search-answers").checked = told.get("in") === "answers";
      field("filter").value = told.get("show") ?? "";
      field("kind").value = among(index.kinds, told.get("kind"));
      field("benchmark").value = among(index.benchmarks, told.get("benchmark"));
      const [model, baseline] = told.getAll("pair");
      const judge = told.get("judge");
      const at = browser.pairs.findIndex((one) => one.model === model && one.baseline === baseline && (!judge || one.judge === judge));
      field("pair").value = at < 0 ? "" : at;
      pair_chosen();
      field("outcome").value = told.get("outcome") ?? "";
      for (const select of [field("filter"), field("outcome")]) if (select.selectedIndex < 0) select.value = "";
      if (told.has("as")) field(told.get("as") === "raw" ? "raw" : "rendered").checked = true;
      if (told.has("from")) compare(told.get("from"), told.get("to"));
      const names = told.getAll("model").filter((name) => browser.names.includes(name));
      if (names.length) choose(new Set(names));
      if (own < 0) browser.chosen = -1;
      await refresh(own);
      mark();
      field("browser").focus({ preventScroll: true });
      field("browser").scrollIntoView();
      return true;
    };

    // What is shown ---------------------------------------------------------------------------------------------------

    const listed = () => {
      const at = browser.found.indexOf(browser.chosen);
      const first = Math.max(0, Math.min(at - SHOWN / 2, browser.found.length - SHOWN));
      const [, ...rest] = address().split("&");
      const items = browser.found.slice(first, first + SHOWN).map((place) => {
        const link = make("a", `${place + 1}. ${browser.prompts[place][TEXT].slice(0, 160)}`);
        link.href = [`#prompt-${browser.prompts[place][ID]}`, ...rest].join("&");
        link.dir = "auto";
        if (place === browser.chosen) link.setAttribute("aria-current", "true");
        const item = make("li");
        item.append(link);
        return item;
      });
      field("list").replaceChildren(...items);
      const pane = field("list-pane");
      const current = pane.querySelector("[aria-current]");
      if (current) pane.scrollTop = current.offsetTop - pane.offsetTop - pane.clientHeight / 3;
      const more = browser.found.length > SHOWN ? `; the list shows ${SHOWN} of them` : "";
      field("found").textContent = `${browser.found.length} of ${browser.prompts.length} prompts${more}`;
      field("at").textContent = at < 0 ? "" : `${at + 1} of ${browser.found.length} found`;
      field("previous").disabled = at <= 0;
      field("next").disabled = at < 0 || at === browser.found.length - 1;
    };

    const show = async (place) => {
      browser.chosen = place;
      listed();
      const entry = browser.prompts[place];
      const prompt = (await browser.open(entry[CHUNK]))[entry[PLACE]];
      if (browser.chosen !== place) return;
      const heading = make("h3", `Prompt ${place + 1}`);
      heading.append(make("small", ` ${[entry[CATEGORY], entry[SOURCE], entry[ID]].filter(Boolean).join(", ")}`));
      const shown = browser.shown(pair());
      const both = ([a, b]) => shown.has(a) && (shown.has(b) || shown.has(`${b} (reference)`));
      const hidden = prompt.answers.filter(([name]) => !shown.has(name)).length;
      field("prompt").replaceChildren(
        heading,
        words(prompt.text),
        ...(comparing() ? changes(prompt, field("from").value, field("to").value) : []),
        make("h4", hidden ? `Answers (${prompt.answers.length - hidden} of ${prompt.answers.length})` : "Answers"),
        answered(prompt, shown, field("raw").checked),
        ...said("Verdicts, in both orders", prompt.verdicts, verdict, both, prompt.verdicts.filter(both).length < 12),
        ...said("Preferences against the reference", prompt.annotations ?? [], annotation, both, true),
        ...said("Judgements of own answers", prompt.judgements, judgement, ([model]) => shown.has(model), false),
      );
    };

    // `wanted`: a prompt that is shown whatever is chosen.
    const refresh = async (wanted = -1) => {
      const mine = ++asked;
      const asks = chosen();
      const inAnswers = asks.words && field("search-answers").checked ? await browser.answering(asks.words) : null;
      if (mine !== asked) return;
      browser.select(asks, inAnswers);
      const { found } = browser;
      if (wanted >= 0 && !found.includes(wanted)) found.push(wanted);
      if (wanted >= 0) await show(wanted);
      else if (found.length && !found.includes(browser.chosen)) await show(found[0]);
      else listed();
    };

    const go = (place) => {
      show(place);
      note();
    };
    const again = () => browser.chosen >= 0 && go(browser.chosen);
    const step = (by) => {
      const at = browser.found.indexOf(browser.chosen) + by;
      if (at >= 0 && at < browser.found.length) go(browser.found[at]);
    };

    // Choices ---------------------------------------------------------------------------------------------------------

    const among = (id, options) => {
      for (const [text, value] of options) field(id).append(new Option(text, value));
      field(id).parentElement.hidden = !options.length;
    };
    const counted = (text, holds) => `${text} (${browser.prompts.filter(holds).length})`;

    const name_outcomes = () => {
      const one = pair();
      field("outcome").replaceChildren(new Option("any", ""));
      const kinds = one ? { win: `${one.model} is better`, tie: "equal", lose: `${one.baseline} is better`, unread: "not readable" } : {};
      among("outcome", Object.entries(kinds).map(([kind, text]) => [
        counted(text, (prompt) => browser.outcome(prompt, one) === LETTERS[kind]), kind,
      ]));
    };

    const compare = (from, to) => {
      for (const [id, name] of [["from", from], ["to", to]]) if (browser.names.includes(name)) field(id).value = name;
      field("compare").checked = true;
    };

    // `names`: a set; null: as at first.
    const choose = (names) => {
      browser.models = names;
      const shown = browser.shown(pair());
      for (const input of field("models").querySelectorAll("input")) input.checked = shown.has(input.value);
      field("models").firstElementChild.textContent = `Models shown: ${shown.size} of ${browser.names.length}`;
    };

    for (const option of field("filter").options) {
      if (option.value) option.textContent = counted(option.textContent, (prompt) => prompt[FLAGS].includes(option.value));
    }
    among("kind", index.kinds.map((kind, place) => [counted(kind, (prompt) => prompt[KINDS].includes(place)), place])
      .sort(([a], [b]) => (a < b ? -1 : 1)));
    const benchmarks = [...new Set(browser.prompts.map((prompt) => prompt[BENCHMARK]))];
    if (benchmarks.length > 1) among("benchmark", benchmarks.map((number) => [index.benchmarks[number], number]));
    const judges = new Set(browser.pairs.map((one) => one.judge));
    among("pair", browser.pairs.map(({ model, baseline, judge }, place) => [
      `of ${model} against ${baseline}${judges.size > 1 ? `, judge ${judge}` : ""}`, place,
    ]));
    for (const id of ["from", "to"]) among(id, browser.names.map((name) => [name, name]));
    compare(browser.names.at(index.models.length - 2) ?? browser.names[0], browser.names[index.models.length - 1]);
    field("compare").checked = false;
    field("compare").closest("fieldset").hidden = browser.names.length < 2;
    for (const name of browser.names) {
      const label = make("label");
      const input = make("input");
      [input.type, input.value] = ["checkbox", name];
      label.append(input, ` ${name}`);
      field("models").querySelector(".choices").append(label);
    }
    choose(null);

    // A chosen pair is what is compared, and of many models the ones that are shown.
    const pair_chosen = () => {
      name_outcomes();
      if (pair()) [field("from").value, field("to").value] = [pair().baseline, pair().model];
      choose(browser.models);
    };

    field("filters").addEventListener("input", async (event) => {
      const was = browser.chosen;
      if (event.target.id === "pair") pair_chosen();
      await refresh();
      if (event.target.id === "pair" && browser.chosen === was) await show(was);
      note();
    });
    field("filters").addEventListener("submit", (event) => event.preventDefault());
    field("all-prompts").addEventListener("click", () => {
      field("filters").reset();
      pair_chosen();
      refresh(browser.chosen).then(note);
    });
    field("view").addEventListener("submit", (event) => event.preventDefault());
    field("view").addEventListener("input", (event) => {
      const inputs = [...field("models").querySelectorAll("input")];
      if (inputs.includes(event.target)) choose(new Set(inputs.filter((one) => one.checked).map((one) => one.value)));
      if (["from", "to"].includes(event.target.id)) field("compare").checked = true;
      again();
    });
    for (const [id, names] of [["all-models", new Set(browser.names)], ["few-models", null]]) {
      field(id).addEventListener("click", () => {
        choose(names);
        again();
      });
    }
    field("models").addEventListener("toggle", () => field("models").querySelector(":checked")?.parentElement.scrollIntoView({ block: "nearest" }));
    field("previous").addEventListener("click", () => step(-1));
    field("next").addEventListener("click", () => step(1));
    field("copy-link").addEventListener("click", async (event) => {
      note();
      await copy(location.href);
      event.target.textContent = "Copied";
      event.target.addEventListener("blur", () => (event.target.textContent = "Copy link"), { once: true });
    });
    field("list").addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(browser.places.get(link.hash.split("&")[0].replace(/^#prompt-/, "")));
      field("reading").scrollIntoView({ block: "nearest" });
    });
    window.addEventListener("hashchange", follow);
    // Marks of charts: a help for the pointer; the figures in tables are links.
    document.addEventListener("click", (event) => {
      const mark = event.target.closest("[data-behind]");
      if (mark) location.hash = mark.dataset.behind;
    });
    const keys = {
      j: () => step(1),
      k: () => step(-1),
      r: () => field(field("raw").checked ? "rendered" : "raw").click(),
      d: () => field("compare").click(),
      "/": () => field("search").focus(),
    };
    document.addEventListener("keydown", (event) => {
      const typing = event.target.matches("select, textarea, input:not([type=checkbox], [type=radio])");
      if (event.ctrlKey || event.metaKey || event.altKey || typing || !Object.hasOwn(keys, event.key)) return;
      event.preventDefault();
      keys[event.key]();
    });
    field("browse").hidden = false;
    follow().then((followed) => followed || show(0));
  }

  const index = document.getElementById("index");
  if (index) start(JSON.parse(index.textContent));
})();

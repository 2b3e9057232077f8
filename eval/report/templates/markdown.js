"use strict";
// Markdown as DOM nodes: CommonMark's common part and GitHub's tables. Words of models reach the page as text alone:
// there is no link to follow, no image to fetch and no HTML; line breaks stay, and formulas stay as they were written.
// Every loop moves on, and what looks ahead looks a fixed distance: the time grows with the length of the text.

const fromMarkdown = (() => {
  const NESTED = 8;
  // Quotes and lists, or emphasis, within each other; what is deeper stays as it was written.
  const FORMULA_LINES = 50;
  const FORMULA = 1000;
  // Characters of a formula within a line, at most.
  const RUN = /`+/g;
  const SPECIAL = /[\\`*_[\]!$]/g;
  const ADDRESS =
    /\(\s{0,9}(?:<([^<>\n]{0,2000})>|((?:[^\s()<\\]|\\.|\((?:[^\s()\\]|\\.){0,500}\)){0,2000}))(?:\s{1,9}(?:"[^"]{0,500}"|'[^']{0,500}'))?\s{0,9}\)/y;
  const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*(.*)$/;
  const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
  const QUOTE = /^ {0,3}> ?/;
  const ITEM = /^( {0,3})([-+*]|\d{1,9}[.)])(?=[ \t]|$)/;
  const UNDERLINE = /^ {0,3}(=+|-+)[ \t]*$/;

  function fromMarkdown(text) {
    const place = document.createDocumentFragment();
    addBlocks(text.split(/\ufffd?\n/), place, 0); // a carriage return reaches the page as U+FFFD
    return place;
  }

  // Blocks: paragraphs, headings, code, quotes, lists, tables ---------------------------------------------------------

  const isBlank = (line) => !line.trim();
  const isRule = (line) => /^ {0,3}[-*_]/.test(line) && /^([-*_])\1{2,}$/.test(line.replace(/[ \t]/g, ""));

  function fenceOf(line) {
    const found = FENCE.exec(line);
    return found && !(found[1][0] === "`" && found[2].includes("`")) ? found[1] : null;
  }

  function closes(line, fence) {
    const found = FENCE.exec(line);
    return Boolean(found) && !found[2] && found[1][0] === fence[0] && found[1].length >= fence.length;
  }

  // Whether a line ends the paragraph before it.
  function begins(line) {
    const item = ITEM.exec(line);
    const listed = item && !isBlank(line.slice(item[0].length)) && (item[2].length === 1 || /^1[.)]$/.test(item[2]));
    return Boolean(listed) || fenceOf(line) !== null || HEADING.test(line) || QUOTE.test(line) || isRule(line);
  }

  // Spaces for the tabs that a line begins with.
  function untabbed(line) {
    if (!/^ *\t/.test(line)) return line;
    const [before] = /^[ \t]*/.exec(line);
    let spaces = 0;
    for (const letter of before) spaces += letter === "\t" ? 4 - (spaces % 4) : 1;
    return " ".repeat(spaces) + line.slice(before.length);
  }

  function addBlocks(given, place, depth) {
    const lines = given.map(untabbed);
    let at = 0;
    while (at < lines.length) {
      const line = lines[at];
      const fence = fenceOf(line);
      const heading = HEADING.exec(line);
      if (isBlank(line)) at += 1;
      else if (fence) at = addFenced(lines, at, fence, place);
      else if (line.startsWith("    ")) at = addIndented(lines, at, place);
      else if (isRule(line)) {
        place.append(make("hr"));
        at += 1;
      } else if (heading && line.slice(heading[0].length).replace(/(^|[ \t])#+[ \t]*$/, "").trim()) {
        addHeading(heading[1].length, line.slice(heading[0].length).replace(/(^|[ \t])#+[ \t]*$/, ""), place);
        at += 1;
      } else if (QUOTE.test(line) && depth < NESTED) at = addQuote(lines, at, place, depth);
      else if (ITEM.test(line) && depth < NESTED) at = addList(lines, at, place, depth);
      else if (columns(lines, at)) at = addTable(lines, at, place);
      else at = addFormula(lines, at, place) || addParagraph(lines, at, place);
    }
  }

  function addHeading(level, text, place) {
    // The page has headings above these: h4 is the model's name.
    const element = make(level === 1 ? "h5" : "h6");
    addInline(text.trim(), element);
    place.append(element);
  }

  function addCode(text, place) {
    const box = make("pre");
    box.tabIndex = 0;
    box.append(make("code", text));
    place.append(box);
  }

  function addFenced(lines, at, fence, place) {
    const indent = /^ */.exec(lines[at])[0].length;
    let end = at + 1;
    while (end < lines.length && !closes(lines[end], fence)) end += 1;
    const inside = lines.slice(at + 1, end).map((line) => line.slice(Math.min(indent, /^ */.exec(line)[0].length)));
    addCode(inside.join("\n"), place);
    return end + 1;
  }

  function addIndented(lines, at, place) {
    let end = at;
    let last = at;
    for (; end < lines.length && (isBlank(lines[end]) || lines[end].startsWith("    ")); end += 1) if (!isBlank(lines[end])) last = end;
    addCode(lines.slice(at, last + 1).map((line) => line.slice(4)).join("\n"), place);
    return last + 1;
  }

  // Lines that follow without the mark of what they are in belong to its last paragraph, unless a fence is open.
  class Inside {
    constructor() {
      this.lines = [];
      this.fence = null;
    }

    add(line) {
      if (this.fence === null) this.fence = fenceOf(line);
      else if (closes(line, this.fence)) this.fence = null;
      this.lines.push(line);
    }

    takes(line) {
      return this.fence === null && !isBlank(this.lines.at(-1)) && !isBlank(line) && !begins(line);
    }
  }

  function addQuote(lines, at, place, depth) {
    const inside = new Inside();
    for (; at < lines.length && (QUOTE.test(lines[at]) || inside.takes(lines[at])); at += 1) inside.add(lines[at].replace(QUOTE, ""));
    const quote = make("blockquote");
    addBlocks(inside.lines, quote, depth + 1);
    place.append(quote);
    return at;
  }

  function addList(lines, at, place, depth) {
    const first = ITEM.exec(lines[at])[2];
    const list = make(first.length > 1 ? "ol" : "ul");
    if (first.length > 1) list.start = parseInt(first, 10);
    for (let item; at < lines.length && (item = ITEM.exec(lines[at])) && item[2].at(-1) === first.at(-1) && !isRule(lines[at]); ) {
      const rest = untabbed(lines[at].slice(item[0].length));
      const spaces = /^ */.exec(rest)[0].length;
      const within = isBlank(rest) || spaces > 4 ? 1 : spaces;
      const offset = item[0].length + within;
      const inside = new Inside();
      inside.add(rest.slice(within));
      for (at += 1; at < lines.length; at += 1) {
        if (isBlank(lines[at])) inside.add("");
        else if (/^ */.exec(lines[at])[0].length >= offset) inside.add(lines[at].slice(offset));
        else if (inside.takes(lines[at]) && !ITEM.test(lines[at])) inside.add(lines[at]);
        else break;
      }
      const element = make("li");
      addBlocks(inside.lines, element, depth + 1);
      list.append(element);
    }
    place.append(list);
    return at;
  }

  function cells(line) {
    const text = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
    return text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  }

  // How the columns of a table that begins here are set; null: none begins here.
  function columns(lines, at) {
    const [head, under] = [lines[at], lines[at + 1]];
    if (under === undefined || !head.includes("|") || !/^[ \t|:-]+$/.test(under) || !under.includes("-")) return null;
    const marks = cells(under);
    return marks.every((mark) => /^:?-+:?$/.test(mark)) && cells(head).length === marks.length
      ? marks.map((mark) => (mark.endsWith(":") ? (mark.startsWith(":") ? "middle" : "end") : ""))
      : null;
  }

  function addTable(lines, at, place) {
    const set = columns(lines, at);
    const table = make("table");
    const add = (part, kind, line) => {
      const row = make("tr");
      cells(line).forEach((text, place) => {
        const cell = make(kind, undefined, set[place]);
        if (kind === "th") cell.scope = "col";
        addInline(text, cell);
        row.append(cell);
      });
      part.append(row);
    };
    const [head, body] = [make("thead"), make("tbody")];
    add(head, "th", lines[at]);
    for (at += 2; at < lines.length && !isBlank(lines[at]) && !begins(lines[at]); at += 1) add(body, "td", lines[at]);
    table.append(head, body);
    const box = make("div", undefined, "wide");
    box.tabIndex = 0;
    box.append(table);
    place.append(box);
    return at;
  }

  // A formula on lines of its own, between $$ and $$ or \[ and \]; 0: there is none.
  function addFormula(lines, at, place) {
    const begin = lines[at].trim().slice(0, 2);
    const close = { $$: "$$", "\\[": "\\]" }[begin];
    if (!close) return 0;
    for (let end = at; end < Math.min(lines.length, at + FORMULA_LINES) && !isBlank(lines[end]); end += 1) {
      const text = lines[end].trim();
      if (text.endsWith(close) && (end > at || text.length > 3)) {
        place.append(make("p", lines.slice(at, end + 1).join("\n"), "formula"));
        return end + 1;
      }
      if (end > at && text.includes(close)) return 0;
    }
    return 0;
  }

  function addParagraph(lines, at, place) {
    const said = [lines[at].trimStart()];
    for (at += 1; at < lines.length && !isBlank(lines[at]); at += 1) {
      const under = UNDERLINE.exec(lines[at]);
      if (under) {
        addHeading(under[1][0] === "=" ? 1 : 2, said.join("\n"), place);
        return at + 1;
      }
      if (begins(lines[at]) || columns(lines, at)) break;
      said.push(lines[at].trimStart());
    }
    const element = make("p");
    addInline(said.join("\n").trimEnd(), element);
    place.append(element);
    return at;
  }

  // Within a line: emphasis, code, links, formulas --------------------------------------------------------------------

  // CommonMark's algorithm (its appendix, "Phase 2"): runs of * and _ are paired when a link or the text ends.
  function addInline(text, place) {
    const parts = [];
    // Strings; elements; {open} and {close}, an element and what is written where it may not be made; and runs.
    const marks = { next: null };
    // The head of a list of the runs.
    let last = marks;
    let brackets = [];
    const runs = runsOf(text);
    let at = 0;
    const say = (end) => {
      if (end > at) parts.push(text.slice(at, end));
      at = end;
    };
    for (;;) {
      SPECIAL.lastIndex = at;
      const found = SPECIAL.exec(text);
      if (!found) break;
      say(found.index);
      const letter = found[0];
      if (letter === "\\" || letter === "$") {
        const end = formulaEnd(text, at);
        if (end) {
          parts.push(make("span", text.slice(at, end), "formula"));
          at = end;
        } else if (letter === "\\" && /[!-/:-@[-`{-~\n]/.test(text[at + 1] ?? "")) {
          at += 1;
          say(at + 1);
        } else say(at + 1);
      } else if (letter === "`") {
        const end = runs(at);
        RUN.lastIndex = at;
        const [run] = RUN.exec(text);
        if (end < 0) say(at + run.length);
        else {
          const code = text.slice(at + run.length, end).replaceAll("\n", " ");
          parts.push(make("code", /^ /.test(code) && code.endsWith(" ") && !isBlank(code) ? code.slice(1, -1) : code));
          at = end + run.length;
        }
      } else if (letter === "*" || letter === "_") {
        const run = markOf(text, at, letter);
        run.before = last;
        last.next = run;
        last = run;
        parts.push(run);
        at += run.left;
      } else if (letter === "[" || (letter === "!" && text[at + 1] === "[")) {
        brackets.push({ place: parts.length, bottom: last, image: letter === "!" });
        say(at + (letter === "!" ? 2 : 1));
      } else if (letter === "]" && brackets.length) {
        const bracket = brackets.pop();
        ADDRESS.lastIndex = at + 1;
        const address = ADDRESS.exec(text);
        if (!address) say(at + 1);
        else {
          last = paired(bracket.bottom);
          parts[bracket.place] = { open: make("span", bracket.image ? "image: " : "", "link"), as: bracket.image ? "![" : "[" };
          parts.push({ close: `]${address[0]}`, address: address[1] ?? address[2] ?? "" });
          at = ADDRESS.lastIndex;
          brackets = []; // a link holds no link
        }
      } else say(at + 1);
    }
    say(text.length);
    paired(marks);
    build(parts, place);
  }

  // For a run of backticks, where the next one of its length begins; -1: nowhere.
  function runsOf(text) {
    const lengths = new Map();
    RUN.lastIndex = 0; // matchAll begins where the last search ended
    for (const { 0: run, index } of text.matchAll(RUN)) {
      if (!lengths.has(run.length)) lengths.set(run.length, []);
      lengths.get(run.length).push(index);
    }
    const passed = new Map();
    return (at) => {
      RUN.lastIndex = at;
      const length = RUN.exec(text)[0].length;
      const places = lengths.get(length) ?? [];
      let next = passed.get(length) ?? 0;
      while (next < places.length && places[next] <= at) next += 1;
      passed.set(length, next);
      return next < places.length ? places[next] : -1;
    };
  }

  // Where a formula that begins here ends; 0: none does. As Pandoc has it, $5 and $6 are prices.
  function formulaEnd(text, at) {
    const begin = text[at] === "$" && text[at + 1] !== "$" ? "$" : text.slice(at, at + 2);
    const close = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" }[begin];
    if (!close) return 0;
    const within = text.slice(at + begin.length, at + begin.length + FORMULA);
    const end = within.indexOf(close);
    if (end < 1) return 0;
    const after = text[at + begin.length + end + 1] ?? "";
    if (begin === "$" && (/^\s|\s$|\n/.test(within.slice(0, end)) || /\d/.test(after))) return 0;
    return at + begin.length + end + close.length;
  }

  function markOf(text, at, mark) {
    let end = at + 1;
    while (text[end] === mark) end += 1;
    const [before, after] = [text[at - 1] ?? " ", text[end] ?? " "];
    const [space, sign] = [/\s/, /[\p{P}\p{S}]/u];
    const left = !space.test(after) && (!sign.test(after) || space.test(before) || sign.test(before));
    const right = !space.test(before) && (!sign.test(before) || space.test(after) || sign.test(after));
    const within = mark === "_";
    const opens = left && (!within || !right || sign.test(before));
    const closes = right && (!within || !left || sign.test(after));
    return { at, mark, count: end - at, left: end - at, opens, closes, opened: [], closed: [], before: null, next: null };
  }

  // Pairs the runs behind `bottom` and forgets them; returns `bottom`, then the last of the list.
  function paired(bottom) {
    const least = new Map();
    const drop = (run) => {
      run.before.next = run.next;
      if (run.next) run.next.before = run.before;
    };
    let closer = bottom.next;
    while (closer) {
      if (!closer.closes) {
        closer = closer.next;
        continue;
      }
      const key = `${closer.mark}${closer.count % 3}${closer.opens}`;
      const low = least.get(key) ?? -1;
      // Before it no run of this kind found its other end.
      let opener = closer.before;
      const fits = (run) =>
        run.opens && run.mark === closer.mark && !((closer.opens || run.closes) && (run.count + closer.count) % 3 === 0 && (run.count % 3 || closer.count % 3));
      while (opener !== bottom && opener.at >= low && !fits(opener)) opener = opener.before;
      if (opener === bottom || opener.at < low) {
        least.set(key, closer.at);
        const next = closer.next;
        if (!closer.opens) drop(closer);
        closer = next;
        continue;
      }
      const count = opener.left > 1 && closer.left > 1 ? 2 : 1;
      opener.opened.push(count);
      closer.closed.push(count);
      opener.left -= count;
      closer.left -= count;
      opener.next = closer; // what stands between them pairs no more
      closer.before = opener;
      if (!opener.left) drop(opener);
      if (!closer.left) {
        const next = closer.next;
        drop(closer);
        closer = next;
      }
    }
    bottom.next = null;
    return bottom;
  }

  function build(parts, place) {
    const stack = [place];
    // Above the innermost element, nulls: what they stand for stays as it was written.
    let said = "";
    const inner = () => stack[Math.min(stack.length - 1, NESTED)];
    const flush = () => {
      if (said) inner().append(said);
      said = "";
    };
    const open = (element, as) => {
      flush();
      const fits = stack.length <= NESTED;
      if (fits) inner().append(element);
      else said += as;
      stack.push(fits ? element : null);
    };
    const close = (as) => {
      flush();
      const closed = stack.pop();
      if (closed === null) said += as;
      return closed;
    };
    for (const part of parts) {
      if (typeof part === "string") said += part;
      else if (part instanceof Element) {
        flush();
        inner().append(part);
      } else if (part.open) open(part.open, part.as);
      else if (part.close) {
        const link = close(part.close);
        if (link && link.textContent !== part.address) {
          const shown = make("bdi", part.address, "address");
          shown.dir = "ltr";
          inner().append(" (", shown, ")");
        }
      } else {
        for (const count of part.closed) close(part.mark.repeat(count));
        said += part.mark.repeat(part.left);
        for (const count of part.opened.reverse()) open(make(count === 2 ? "strong" : "em"), part.mark.repeat(count));
      }
    }
    flush();
  }

  return fromMarkdown;
})();

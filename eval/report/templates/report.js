
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

function download(name, text) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name.toLowerCase().replace(/[^a-z0-9]+/g, "-") + ".csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function addTools(table) {
  const tools = make("div", undefined, "tools");
  const button = (text, act) => {
    const made = make("button", text);
    made.type = "button";
    made.setAttribute("aria-label", `${text}: ${table.dataset.name}`);
    made.addEventListener("click", () => act(rowsOf(table)));
    tools.append(made);
    return made;
  };
  const say = (made) => {
    const before = made.textContent;
    if (before === "Copied") return;
    made.textContent = "Copied";
    made.addEventListener("blur", () => (made.textContent = before), { once: true });
  };
  const asCsv = button("Copy CSV", (rows) => copy(csv(rows)).then(() => say(asCsv)));
  const asMarkdown = button("Copy Markdown", (rows) => copy(markdown(rows)).then(() => say(asMarkdown)));
  button("Download CSV", (rows) => download(table.dataset.name, csv(rows)));
  const figure = table.closest("figure");
  if (figure) figure.append(tools);
  else table.parentElement.before(tools);
}

document.querySelectorAll("table[data-name]").forEach(addTools);

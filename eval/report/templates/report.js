
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

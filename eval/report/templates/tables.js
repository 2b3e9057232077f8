
"use strict";
// Tables: sorted by a column; a first column that stays shows when others went behind it. The measure of a history.
{
  const inOrder = new Intl.Collator(undefined, { numeric: true }).compare;

  // What a cell is sorted by: its number where it has one, else its words. Null: what is missing stands last.
  const keyOf = (cell) => {
    if (cell.dataset.key !== undefined) return cell.dataset.key || null;
    const number = cell.querySelector("data");
    if (number) return Number(number.value);
    return cell.querySelector(".missing") ? null : cell.textContent.trim() || null;
  };

  const compared = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return inOrder(String(one), String(other));
  };

  const sortBy = (table, column, direction) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [keyOf(row.cells[column]), row]);
    rows.sort(([one], [other]) => (one === null) - (other === null) || (one === null ? 0 : direction * compared(one, other)));
    body.append(...rows.map(([, row]) => row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        // Of numbers the largest, of words the first: what is looked for most.
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort") === first ? other : first;
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", now);
        sortBy(table, column, now === "ascending" ? 1 : -1);
      });
    });
  }

  document.addEventListener("scroll", ({ target }) => {
    if (target.classList?.contains("scroll")) target.classList.toggle("scrolled", target.scrollLeft > 0);
  }, { capture: true, passive: true });

  const measure = document.getElementById("measure");
  if (measure) {
    const charts = document.querySelectorAll(".history");
    const show = () => charts.forEach((one, place) => (one.hidden = place !== Number(measure.value)));
    measure.addEventListener("input", show);
    document.getElementById("choice").hidden = false;
    show(); // a browser may remember what was chosen
  }
}

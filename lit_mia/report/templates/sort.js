"use strict";
// A click on a heading sorts its table: first the largest number or the first word, then the other way, then as reported.
for (const table of document.querySelectorAll("table.cards")) {
  const bodies = [...table.tBodies];
  const together = table.querySelector("tr.control, tr.rest") !== null; // an attack and its controls are one block
  const units = together ? bodies : bodies.flatMap((body) => [...body.rows]);
  if (units.length < 2) continue;
  const homes = units.map((unit) => unit.parentNode);
  const text = (unit, column) => {
    const cell = (together ? unit.rows[0] : unit).cells[column];
    const parts = [...cell.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    return parts.map((node) => node.data).join("").trim();
  };
  const number = (words) => {
    const plain = words.replace(/[\s\u00a0\u202f]/g, "").replaceAll("\u2212", "-");
    return plain.startsWith("<") ? 0 : parseFloat(plain.replace(/^[\u2265+]/, ""));
  };
  const sorted = (column, direction) => {
    const words = new Map(units.map((unit) => [unit, text(unit, column)]));
    const [missing, said] = [true, false].map((is) => units.filter((unit) => /^[\u2013-]?$/.test(words.get(unit)) === is));
    const numeric = said.every((unit) => !Number.isNaN(number(words.get(unit))));
    const compare = (a, b) => numeric ? number(b) - number(a) : a.localeCompare(b, "en", { numeric: true });
    said.sort((a, b) => direction * compare(words.get(a), words.get(b)));
    return { ordered: [...said, ...missing], rising: numeric === (direction < 0) };
  };
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    let clicks = 0;
    button.addEventListener("click", () => {
      clicks = heading.hasAttribute("aria-sort") ? (clicks + 1) % 3 : 1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (clicks === 0) return units.forEach((unit, place) => homes[place].append(unit));
      const { ordered, rising } = sorted(column, clicks === 1 ? 1 : -1);
      homes[0].append(...ordered);
      heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    });
  });
  table.classList.add("sorts");
}

"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (selector) => document.querySelector(selector);
  const SHOWN = 200;
  const STYLE = {
    pass: "good", accepted: "good", fail: "bad", crash: "bad", timeout: "bad", protocol: "bad",
    broken: "bad", unsupported: "none", hazard: "none", "expected-failure": "known",
    "unexpected-pass": "known",
  };
  const isBad = (verdict) => STYLE[verdict] === "bad" || verdict === "unexpected-pass";

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  // Values and how often each is repeated, in turns.
  const expand = (runs) => {
    const values = [];
    for (let i = 0; i < runs.length; i += 2) {
      for (let n = 0; n < runs[i + 1]; n += 1) values.push(runs[i]);
    }
    return values;
  };

  const cases = [];
  for (const [kind, prefix, suffixes, abouts, verdicts] of data.groups) {
    const sets = expand(abouts);
    const outcomes = expand(verdicts);
    suffixes.split(" ").forEach((suffix, index) => {
      const [clauses, calls] = data.abouts[sets[index]];
      const number = cases.length;
      cases.push({
        kind: data.kinds[kind], name: prefix + suffix, clauses, calls,
        verdict: data.verdicts[outcomes[index]], detail: data.details[number],
      });
    });
  }

  const clauseIndex = new Map(data.clauses.map((clause, index) => [clause.id, index]));
  const tallies = data.clauses.map(() => ({}));
  for (const one of cases) {
    for (const clause of one.clauses) {
      tallies[clause][one.verdict] = (tallies[clause][one.verdict] || 0) + 1;
    }
  }
  const clauseStyle = (index) => {
    const styles = Object.keys(tallies[index]).map((verdict) => STYLE[verdict]);
    return ["bad", "known", "good"].find((style) => styles.includes(style)) || "none";
  };
  const MARK = { good: "✓", bad: "✗", known: "!", none: "·" };
  const MEANING = {
    good: "passed", bad: "failed", known: "known failure or unexpected pass", none: "not tested",
  };

  const state = () => new URLSearchParams(location.hash.slice(1));
  const linkTo = (values) => "#" + new URLSearchParams(values);

  function drawMatrix() {
    const counts = { good: 0, bad: 0, known: 0, none: 0 };
    const rows = new Map();
    data.clauses.forEach((clause, index) => {
      const style = clauseStyle(index);
      counts[style] += 1;
      const cell = element("a", {
        class: style, href: linkTo({ clause: clause.id }), title: `${clause.id}: ${clause.text}`,
        "aria-label": `${clause.id}, ${MEANING[style]}`,
      }, MARK[style]);
      const row = clause.call || "several calls";
      if (!rows.has(row)) rows.set(row, element("div", { class: "cells" }));
      rows.get(row).append(cell);
    });
    for (const [call, cells] of rows) {
      const href = call === "several calls" ? "#" : linkTo({ call });
      $(".matrix").append(element("a", { href }, call), cells);
    }
    for (const [style, count] of Object.entries(counts)) {
      if (count) $(".legend").append(element("i", { class: style }, MARK[style]), `${count} ${MEANING[style]}`);
    }
  }

  function drawConflicts() {
    if (!data.conflicts.length) return;
    const SIDE = { page: "with the pages", kernel: "with the kernel", both: "now this, now that" };
    for (const [id, side, page, kernel] of data.conflicts) {
      $(".conflicts ul").append(element("li", {},
        element("details", {}, element("summary", {}, `${id}: ${SIDE[side] || "not seen"}`),
          element("p", {}, `Pages: ${page}.`), element("p", {}, `Kernel: ${kernel}.`))));
    }
    $(".conflicts").hidden = false;
  }

  function drawClause(id) {
    const index = clauseIndex.get(id);
    document.querySelectorAll(".cells [aria-current]").forEach((cell) => cell.removeAttribute("aria-current"));
    $(".clause").hidden = index === undefined;
    if (index === undefined) return;
    const clause = data.clauses[index];
    document.querySelectorAll(".cells a").forEach((cell) => {
      if (cell.getAttribute("href") === linkTo({ clause: id })) cell.setAttribute("aria-current", "true");
    });
    const counts = Object.entries(tallies[index]).map(([verdict, count]) => `${count} ${verdict}`);
    $(".clause").replaceChildren(
      element("strong", {}, clause.id), ` (${clause.level}${clause.call ? ", " + clause.call : ""}) `,
      clause.text, " ", element("span", { class: "found" },
        counts.length ? counts.join(", ") + "." : clause.untested ? `Not tested: ${clause.untested}.` : "Not tested in this run."));
  }

  function copyButton(of) {
    const button = element("button", { type: "button", class: "copy" }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(of.textContent);
        button.textContent = "Copied";
      } catch {
        // Pages from files may not write to the clipboard everywhere.
        getSelection().selectAllChildren(of);
        button.textContent = "Selected";
      }
    });
    return button;
  }

  function body(one) {
    const detail = one.detail || {};
    const list = element("dl");
    const add = (term, ...content) => list.append(element("dt", {}, term), element("dd", {}, ...content));
    one.clauses.forEach((index) => {
      const { id, text } = data.clauses[index];
      add("clause", element("a", { href: linkTo({ clause: id }) }, id), ` ${text}`);
    });
    if (one.calls.length) {
      add("calls", ...one.calls.flatMap((index) => {
        const call = data.calls[index];
        return [element("a", { href: linkTo({ call }) }, call), " "];
      }));
    }
    if (detail.known) add("known", detail.known, ...(detail.link ? [" ", element("a", { href: detail.link, rel: "noreferrer" }, detail.link)] : []));
    if (detail.file) add("file", element("code", {}, detail.file));
    if (detail.program) {
      const program = element("pre", { tabindex: "0" });
      let step = 0;
      for (const line of detail.program.replace(/\n$/, "").split("\n")) {
        if (/^ {2}[^#]/.test(line)) step += 1;
        const isAt = step === detail.step && /^ {2}[^#]/.test(line);
        program.append(element("span", { class: isAt ? "step at" : "step" }, line + "\n"));
      }
      add("program", program, copyButton(program));
    } else if (detail.cut) {
      add("program", "left out here, as the page would become too large; the JSON report has it");
    }
    const what = detail.what ? `${detail.what} ` : "";
    if (detail.expected !== undefined) add("expected", element("code", {}, what + detail.expected));
    if (detail.actual !== undefined) add("actual", element("code", {}, what + detail.actual));
    if (detail.reason) add("reason", detail.reason);
    if (detail.oracle) add("oracle", element("a", { href: linkTo({ clause: detail.oracle }) }, detail.oracle));
    if (detail.again) {
      const command = element("code", {}, detail.again);
      add("again", command, " ", copyButton(command));
    }
    return element("div", { class: "body" }, list);
  }

  function row(one) {
    const details = element("details", {}, element("summary", {},
      element("span", { class: `verdict ${STYLE[one.verdict]}` }, one.verdict),
      element("span", { class: "name" }, one.name)));
    // Most are never looked into.
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(body(one));
    });
    return element("li", {}, details);
  }

  let found = [];
  let shown = 0;

  function showMore() {
    const next = found.slice(shown, shown + SHOWN).map(row);
    $(".cases").append(...next);
    shown += next.length;
    $(".more").hidden = shown >= found.length;
  }

  // What stands in a case for whoever looks for a text.
  const texts = (one) => {
    const detail = one.detail || {};
    const fields = [detail.program, detail.expected, detail.actual, detail.reason, detail.known, detail.file];
    return [one.name, ...one.calls.map((index) => data.calls[index]), ...fields].filter(Boolean).join("\n").toLowerCase();
  };

  function draw() {
    const wanted = state();
    const get = (key) => wanted.get(key) || "";
    const [call, clause, verdict, kind] = ["call", "clause", "verdict", "kind"].map(get);
    const clauseNumber = clause ? clauseIndex.get(clause.toUpperCase()) ?? -1 : undefined;
    const callNumber = call ? data.calls.indexOf(call) : undefined;
    const words = get("q").toLowerCase().split(/\s+/).filter(Boolean);
    found = cases.filter((one) =>
      (!verdict || (verdict === "bad" ? isBad(one.verdict) : one.verdict === verdict))
      && (!kind || one.kind === kind)
      && (clauseNumber === undefined || one.clauses.includes(clauseNumber))
      && (callNumber === undefined || one.calls.includes(callNumber))
      && (!words.length || ((text) => words.every((word) => text.includes(word)))(texts(one))));
    found.sort((one, other) => isBad(other.verdict) - isBad(one.verdict));
    $(".found").textContent = `${found.length} of ${cases.length} cases`;
    $(".cases").replaceChildren();
    shown = 0;
    showMore();
    drawClause(clause.toUpperCase());
    const form = $(".filters");
    for (const key of ["q", "call", "clause", "verdict", "kind"]) {
      if (form[key] !== document.activeElement) form[key].value = get(key);
    }
  }

  const form = $(".filters");
  data.calls.forEach((call) => form.call.append(element("option", { value: call }, call)));
  data.verdicts.forEach((verdict) => {
    if (cases.some((one) => one.verdict === verdict)) form.verdict.append(element("option", {}, verdict));
  });
  data.kinds.forEach((kind) => {
    if (cases.some((one) => one.kind === kind)) form.kind.append(element("option", {}, kind));
  });
  data.clauses.forEach(({ id }) => $("#ids").append(element("option", { value: id })));

  const filter = () => {
    const values = new URLSearchParams();
    for (const key of ["q", "call", "clause", "verdict", "kind"]) {
      const value = form[key].value.trim();
      if (value) values.set(key, value);
    }
    history.replaceState(null, "", "#" + values);
    draw();
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { document.activeElement.blur(); filter(); }));
  addEventListener("hashchange", () => {
    draw();
    if (location.hash.length > 1) $("#cases-title").scrollIntoView({ block: "start" });
  });
  $(".more").addEventListener("click", showMore);

  drawMatrix();
  drawConflicts();
  draw();
  $("main").hidden = false;
})();

"use strict";
// What a page can do where scripts run: sort, filter and copy its tables, and draw its charts, whose data it finds in itself.
(() => {
  const find = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
  const make = (tag, attributes = {}, ...inside) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  };

  // Conditions, as --where has them. Every part knows what it holds, so that bytes are not compared with counts.
  const COUNTS = { K: 1e3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  const BYTES = { b: 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };
  const TIMES = { us: 1e-3, ms: 1, s: 1e3, min: 6e4, h: 3.6e6 };
  const UNIT = /\s?([KMGT]i?B|[KMGTB]|us|ms|min|s|h)(?!\w)/iy;
  const TOKEN = /\s*(?:(\d[\d_]*(?:\.\d*)?|\.\d+)(e[+-]?\d+)?|"([^"\\]*)"|'([^'\\]*)'|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/<>()[\],]))/iy;
  const fail = (message) => { throw new Error(message); };
  function tokenize(text) {
    if (text.length > 500 || /[^\x00-\x7f]/.test(text)) fail("at most 500 characters of ASCII");
    const tokens = [];
    for (let at = 0; text.slice(at).trim();) {
      TOKEN.lastIndex = at;
      const found = TOKEN.exec(text) ?? fail(`'${text.slice(at).trim()}' is not understood`);
      at = TOKEN.lastIndex;
      const [, number, power, double, single, word, sign] = found;
      if (number !== undefined) {
        if (number.endsWith("_") || number.includes("__")) fail(`'${number}' is no number`);
        let value = Number(number.replaceAll("_", "") + (power ?? "")), holds = "number";
        UNIT.lastIndex = at;
        const unit = power || number.startsWith(".") ? null : UNIT.exec(text);
        if (unit) {
          at = UNIT.lastIndex;
          const size = COUNTS[unit[1]] ?? BYTES[unit[1].toLowerCase()];
          holds = COUNTS[unit[1]] ? "number" : size ? "bytes" : "time";
          value *= size ?? TIMES[unit[1].toLowerCase()];
        }
        if (/\w/.test(text[at] ?? "")) fail(`'${text.slice(at).match(/^\w+/)[0]}' is no unit`);
        tokens.push({ value, holds });
      } else if (double !== undefined || single !== undefined) tokens.push({ value: double ?? single, holds: "text" });
      else tokens.push({ word: word ?? sign });
    }
    return tokens;
  }
  const SIGNS = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "==": (a, b) => a === b, "!=": (a, b) => a !== b };
  const ARITHMETIC = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => (b ? a / b : NaN) };
  const decides = (value) => ({ holds: "condition", value });
  const unknown = (value) => value === null || value !== value;
  const mustDecide = (part) => part.holds === "condition" ? part : fail("a condition compares, as in params < 5M");
  const mustCount = (part) => ["text", "condition"].includes(part.holds) ? fail(`a number stands here, not a ${part.holds}`) : part;
  function mustMatch(left, right, ordered) {
    const kinds = new Set([left.holds, right.holds]), both = (one, other) => kinds.has(one) && kinds.has(other);
    if (kinds.has("condition")) fail("a comparison is between values");
    if (kinds.has("text") && (kinds.size > 1 || ordered)) fail("text is compared with text, by == and !=");
    if (both("bytes", "count") || both("bytes", "time") || both("count", "time")) fail(`this compares ${[...kinds].join(" with ")}`);
  }
  // Three values: true, false, and null where a figure is not known. `columns` has what each name holds, and its key.
  function readCondition(text, columns) {
    const tokens = tokenize(text);
    let next = 0;
    const is = (word) => tokens[next]?.word === word && ++next > 0;
    const expect = (word) => is(word) || fail(`'${word}' is missing`);
    const column = (name) => Object.hasOwn(columns, name) ? columns[name] : fail(`there is no column '${name}'`);
    function operand() {
      const token = tokens[next++] ?? fail("the condition ends too early");
      if ("value" in token) return { holds: token.holds, value: () => token.value };
      if (token.word === "(") { const inner = either(); expect(")"); return inner; }
      if (token.word === "-") { const inner = mustCount(operand()); return { holds: inner.holds, value: (row) => -inner.value(row) }; }
      if (token.word === "known" && is("(")) {
        const [key, holds] = column(tokens[next++]?.word);
        expect(")");
        return decides((row) => !unknown(row(key, holds)));
      }
      const [key, holds] = column(token.word);
      return { holds, value: (row) => row(key, holds) ?? (holds === "text" ? null : NaN) };
    }
    const chain = (signs, inner) => () => {
      let left = inner();
      for (let sign; (sign = signs.find(is));) {
        const [before, after, apply] = [mustCount(left), mustCount(inner()), ARITHMETIC[sign]];
        left = { holds: "number", value: (row) => apply(before.value(row), after.value(row)) };
      }
      return left;
    };
    const sum = chain(["+", "-"], chain(["*", "/"], operand));
    const noList = () => fail("'in' looks into a list, as in family in ['ResNet', 'VGG']");
    function list() {
      const close = is("[") ? "]" : is("(") ? ")" : noList();
      const items = [];
      let commas = 0;
      while (!is(close)) {
        items.push(sum());
        if (is(",")) commas++; else { expect(close); break; }
      }
      if (!items.length || (close === ")" && !commas)) noList();
      return items;
    }
    const decide = (values, decided) => values.includes(decided) ? decided : values.includes(null) ? null : !decided;
    const test = (left, right, apply) => (row) => {
      const a = left.value(row), b = right.value(row);
      return unknown(a) || unknown(b) ? null : apply(a, b);
    };
    function comparison() {
      if (is("not")) { const inner = mustDecide(comparison()); return decides((row) => { const it = inner.value(row); return it === null ? null : !it; }); }
      let left = sum();
      const tests = [];
      for (;;) {
        const word = tokens[next]?.word, negated = word === "not" && tokens[next + 1]?.word === "in";
        if (word === "in" || negated) {
          next += negated ? 2 : 1;
          const before = left, items = list();
          items.forEach((item) => mustMatch(before, item, false));
          const each = items.map((item) => test(before, item, SIGNS[negated ? "!=" : "=="]));
          tests.push((row) => decide(each.map((one) => one(row)), !negated));
        } else if (SIGNS[word]) {
          next++;
          const right = sum();
          mustMatch(left, right, !["==", "!="].includes(word));
          tests.push(test(left, right, SIGNS[word]));
          left = right;
        } else break;
      }
      return tests.length ? decides((row) => decide(tests.map((one) => one(row)), false)) : left;
    }
    const joined = (word, inner, decided) => () => {
      const parts = [inner()];
      while (is(word)) parts.push(inner());
      if (parts.length === 1) return parts[0];
      parts.forEach(mustDecide);
      return decides((row) => decide(parts.map((each) => each.value(row)), decided));
    };
    const both = joined("and", comparison, false);
    function either() { return joined("or", both, true)(); }
    const whole = mustDecide(either());
    if (next < tokens.length) fail(`'${tokens[next].word ?? tokens[next].value}' is one too many`);
    return (row) => whole.value(row) === true;
  }

  const listeners = [];
  const picked = new Set();
  const pick = (name) => {
    picked.has(name) ? picked.delete(name) : picked.add(name);
    for (const listener of listeners) listener([...picked]);
  };

  // So that no spreadsheet takes a name for a formula.
  const inCsv = (text) => {
    const safe = /^[=+@\t\r]|^-[^\d.]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };

  function equip(table) {
    const { rows: records, names: number } = tables[table.dataset.table], names = meanings[number];
    const heads = [...table.tHead.rows[0].cells], keys = heads.map((head) => head.dataset.key);
    const every = () => [...table.tBodies].flatMap((body) => [...body.rows]), rows = every().filter((row) => row.dataset.row);
    const record = (row) => records[row.dataset.row];
    const raw = (row, key) => record(row)?.[key] ?? (rows.length > 2 ? null : row.cells[keys.indexOf(key)]?.textContent ?? null);
    const size = (value) => Array.isArray(value) ? value.reduce((a, b) => a * b, 1) : value;
    const look = (row) => (key, holds) => { const value = raw(row, key); return holds === "text" && value !== null ? [value].flat().join("x") : value; };
    const named = rows.filter((row) => record(row)?.model !== undefined);
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sorted = [...rows].sort((one, other) => {
          const [a, b] = [one, other].map((row) => size(raw(row, keys[column])));
          if (a === null || b === null) return (a === null) - (b === null);
          const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
          return down ? -order : order;
        });
        sorted.forEach((row) => row.parentElement.append(row));
      });
    });
    const bar = make("div", { class: "bar" });
    if (rows.length > 2) {
      const [first] = Object.keys(names).filter((name) => names[name][1] !== "text");
      const example = names.params ? "params < 5M" : first ? `${first} > 1` : `known(${keys[0]})`;
      const where = make("input", { type: "text", placeholder: `where, as in ${example}`, "aria-label": "show the rows for which this holds" });
      const said = make("output", { "aria-live": "polite" });
      where.addEventListener("input", () => {
        let holds = () => true;
        said.className = "";
        try {
          if (where.value.trim()) holds = readCondition(where.value, names);
          let left = 0;
          for (const row of rows) left += !(row.hidden = !holds(look(row)));
          said.textContent = where.value.trim() ? `${left} of ${rows.length}` : "";
        } catch (error) {
          for (const row of rows) row.hidden = false;
          said.className = "problem";
          said.textContent = error.message;
        }
        const top = named.find((row) => !row.hidden);
        named.forEach((row) => { row.tabIndex = row === top ? 0 : -1; });
      });
      bar.append(where, said);
    }
    const chooser = make("details", { class: "columns" }), heading = make("summary"), choices = make("div");
    const boxes = heads.map((head, column) => {
      const box = make("input", { type: "checkbox" });
      box.checked = true;
      box.addEventListener("change", () => {
        for (const row of table.rows) if (row.cells.length === heads.length) row.cells[column].hidden = !box.checked;
        const shown = boxes.filter((each) => each.checked).length;
        heading.textContent = shown < boxes.length ? `columns (${shown} of ${boxes.length})` : "columns";
      });
      choices.append(make("label", {}, box, " ", head.textContent));
      return box;
    });
    heading.textContent = "columns";
    chooser.append(heading, choices);
    const shownRows = () => [table.tHead.rows[0], ...every()].filter((row) => !row.hidden && row.cells.length === heads.length);
    const texts = (row) => [...row.cells].filter((cell) => !cell.hidden).map((cell) => cell.textContent.trim());
    const formats = {
      CSV: () => shownRows().map((row) => texts(row).map(inCsv).join(",")).join("\n"),
      Markdown: () => {
        const [head, ...body] = shownRows().map((row) => texts(row).map((text) => text.replaceAll("|", "\\|")));
        return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
      },
    };
    for (const [name, write] of Object.entries(formats)) {
      const button = make("button", { type: "button" }, `copy as ${name}`);
      button.addEventListener("click", async () => {
        const text = write() + "\n";
        table.dataset.copied = text;
        try { await navigator.clipboard.writeText(text); button.textContent = "copied"; } catch { button.textContent = "clipboard is closed"; }
        setTimeout(() => { button.textContent = `copy as ${name}`; }, 1500);
      });
      bar.append(button);
    }
    bar.append(chooser);
    const scroll = table.closest(".scroll"), weight = (column) => Number(heads[column].dataset.weight ?? 0);
    scroll.before(bar);
    const spare = boxes.map((_, column) => column).filter(weight).sort((a, b) => weight(b) - weight(a) || b - a);
    const widths = heads.map((head) => head.offsetWidth);
    let over = table.offsetWidth - scroll.clientWidth;
    for (const column of spare) if (over > 0) { boxes[column].click(); over -= widths[column]; }
    named.forEach((row, number) => {
      row.tabIndex = number ? -1 : 0;
      row.setAttribute("aria-selected", "false");
      row.addEventListener("click", () => pick(record(row).model));
    });
    table.addEventListener("keydown", (event) => {
      const row = event.target.closest?.("tbody tr");
      if (!row || event.target !== row) return;
      const visible = every().filter((each) => named.includes(each) && !each.hidden);
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const to = step ? visible[visible.indexOf(row) + step] : { Home: visible[0], End: visible.at(-1) }[event.key];
      if (to) { row.tabIndex = -1; to.tabIndex = 0; to.focus(); event.preventDefault(); }
      if (event.key === " " || event.key === "Enter") { pick(record(row).model); event.preventDefault(); }
      if (event.key === "Escape") { for (const name of [...picked]) pick(name); }
    });
    listeners.push((names) => {
      for (const row of named) row.setAttribute("aria-selected", String(names.includes(record(row).model)));
    });
  }

  const dress = { background: null, axis: { labelColor: "currentColor", titleColor: "currentColor", domainColor: "currentColor",
    tickColor: "currentColor", gridColor: "#8885" }, legend: { labelColor: "currentColor", titleColor: "currentColor" },
    view: { stroke: null }, font: "system-ui, sans-serif" };

  async function show(place, spec) {
    const width = Math.min(place.clientWidth - 10, 1080);
    const narrow = structuredClone(spec);
    const looks = (narrow.layer ?? []).flatMap(({ encoding }) => [encoding.color, encoding.shape]).filter((each) => each && each.legend !== null && !("condition" in each));
    if (narrow.vconcat) narrow.vconcat.forEach((panel) => { panel.width = Math.max(180, width - 90); });
    else if (typeof narrow.width === "number") narrow.width = Math.max(220, width - (narrow.marks ? 10 : looks.length ? 220 : 150));
    if (narrow.marks && width < 600) narrow.legends.forEach((legend) => { legend.columns = 2; });
    if (width < 600 && looks.length) { narrow.width = width - 60; looks.forEach((each) => { each.legend = { ...each.legend, orient: "bottom", columns: 2 }; }); }
    const drawn = make("div", { class: "drawn" });
    const result = await window.vegaEmbed(drawn, narrow, { actions: false, renderer: "svg", ast: true, config: dress,
      mode: narrow.marks ? "vega" : "vega-lite" });
    place.replaceChildren(...place.querySelectorAll("figcaption, .bar"), drawn);
    place.dataset.state = "drawn";
    return result.view;
  }

  async function explore(place, spec) {
    const { axes, fronts, chosen } = spec.usermeta;
    const bar = make("div", { class: "bar" });
    const menus = ["across", "up", "area"].map((what, number) => {
      const menu = make("select", { "aria-label": what });
      for (const [word, axis] of Object.entries(axes)) {
        const option = make("option", { value: word }, axis.label);
        option.selected = word === chosen[number];
        menu.append(option);
      }
      bar.append(make("label", {}, `${what} `, menu));
      menu.addEventListener("change", redraw);
      return menu;
    });
    place.append(bar);
    let view = null;
    async function redraw() {
      const [x, y, size] = menus.map((menu) => menu.value), points = spec.data[0].values, now = structuredClone(spec);
      ["x", "y", "size"].forEach((name, number) => { now.signals[number].value = [x, y, size][number]; });
      now.signals[3].value = [...picked];
      const front = (fronts[`${x}|${y}`] ?? []).map((label) => points.find((point) => point.label === label));
      // An empty line cannot be avoided.
      now.marks.at(-1).transform[0].avoidMarks = spec.marks.slice(1, 4).map((mark) => mark.name).concat(front.length ? "stairs" : []);
      now.data[1].values = front.map((point) => ({ across: point[x], up: point[y] }));
      [x, y].forEach((word, number) => {
        now.scales[number].type = axes[word].log ? "log" : "linear";
        Object.assign(now.axes[number], { title: axes[word].label }, axes[word].look);
      });
      now.legends[1].title = axes[size].label;
      view?.finalize();
      view = await show(place, now);
      view.addEventListener("click", (_, item) => { const label = item?.datum?.label ?? item?.datum?.datum?.label; if (label) pick(label); });
    }
    listeners.push((names) => view?.signal("picked", names).run());
    await redraw();
    let width = place.clientWidth;
    new ResizeObserver(() => { if (Math.abs(place.clientWidth - width) > 20) { width = place.clientWidth; redraw(); } }).observe(place);
  }

  const tables = find("tables") ?? [], meanings = find("names") ?? [], charts = find("charts") ?? [], still = new DOMParser();
  const draw = (place) => {
    const spec = charts[place.dataset.chart];
    place.dataset.state = "drawing";
    return (spec.usermeta?.axes ? explore(place, spec) : show(place, spec)).catch((error) => {
      place.append(make("p", { class: "problem" }, `this chart cannot be drawn: ${error.message}`));
    });
  };
  // The picture for readers without scripts, where the chart has not been drawn.
  const freeze = () => document.querySelectorAll("figure[data-chart]:not([data-state=drawn])").forEach((place) => {
    const text = place.querySelector("noscript")?.textContent, found = text && still.parseFromString(text, "image/svg+xml").documentElement;
    if (found?.localName === "svg" && !place.querySelector("svg")) place.append(found);
  });
  async function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const script = make("script");
    script.textContent = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
  }
  // What is far below waits until a reader comes near.
  const whenNear = (places, act) => {
    const seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) { seen.unobserve(target); act(target); }
    }, { rootMargin: "400px" });
    places.forEach((place) => seen.observe(place));
  };
  whenNear(document.querySelectorAll("table[data-table]"), equip);
  const packed = document.getElementById("vega")?.textContent;
  if (packed) unpack(packed).then(() => whenNear(document.querySelectorAll("figure[data-chart]"), draw), freeze);
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details.chapter").forEach((each) => { each.open = true; });
    freeze();
  });
  document.documentElement.dataset.ready = "yes";
})();

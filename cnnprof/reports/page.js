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

  // Conditions, as --where has them: comparisons, and, or, not, brackets, numbers with units, texts in quotes, known(column).
  const UNITS = { K: 1e3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20,
    GiB: 2 ** 30, TiB: 2 ** 40, us: 1e-3, ms: 1, s: 1e3, min: 6e4, h: 3.6e6 };
  const TOKEN = /\s*(?:(\d[\d_]*\.?\d*(?:e[+-]?\d+)?|\.\d+)\s?([A-Za-z]+\b)?|("[^"]*"|'[^']*')|([A-Za-z_]\w*)|(<=|>=|==|!=|[<>()]))/y;
  const WORDS = ["and", "or", "not", "known"];
  function readCondition(text, columns) {
    const tokens = [];
    TOKEN.lastIndex = 0;
    while (text.slice(TOKEN.lastIndex).trim()) {
      const at = TOKEN.lastIndex, found = TOKEN.exec(text);
      if (!found) throw new Error(`'${text.slice(at).trim()}' is not understood`);
      const [, number, unit, quoted, word, sign] = found;
      if (number !== undefined && unit && WORDS.includes(unit)) {
        TOKEN.lastIndex -= unit.length;
        tokens.push({ value: Number(number.replaceAll("_", "")) });
      } else if (number !== undefined) {
        if (unit && !(unit in UNITS)) throw new Error(`'${unit}' is no unit`);
        tokens.push({ value: Number(number.replaceAll("_", "")) * (unit ? UNITS[unit] : 1) });
      } else if (quoted !== undefined) tokens.push({ value: quoted.slice(1, -1) });
      else tokens.push({ word: word ?? sign });
    }
    let next = 0;
    const is = (word) => tokens[next]?.word === word && ++next > 0;
    const expect = (word) => { if (!is(word)) throw new Error(`'${word}' is missing`); };
    const operand = () => {
      const token = tokens[next++];
      if (!token) throw new Error("the condition ends too early");
      if ("value" in token) return () => token.value;
      if (!columns.includes(token.word)) throw new Error(`there is no column '${token.word}'`);
      return (row) => row[token.word] ?? null;
    };
    const SIGNS = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
      "==": (a, b) => a === b, "!=": (a, b) => a !== b };
    // Three values: true, false, and null where a figure is not known.
    const part = () => {
      if (is("not")) { const inner = part(); return (row) => { const it = inner(row); return it === null ? null : !it; }; }
      if (is("(")) { const inner = either(); expect(")"); return inner; }
      if (is("known")) { expect("("); const value = operand(); expect(")"); return (row) => value(row) !== null; }
      const left = operand(), sign = SIGNS[tokens[next]?.word];
      if (!sign) throw new Error("a condition compares, as in params < 5M");
      next++;
      const right = operand();
      return (row) => {
        const a = left(row), b = right(row);
        if (a === null || b === null) return null;
        if (typeof a !== typeof b) throw new Error("text is compared with a number");
        return sign(a, b);
      };
    };
    const chain = (word, inner, decided) => () => {
      const parts = [inner()];
      while (is(word)) parts.push(inner());
      return (row) => {
        const values = parts.map((each) => each(row));
        return values.includes(decided) ? decided : values.includes(null) ? null : !decided;
      };
    };
    const both = chain("and", part, false), either = chain("or", both, true);
    const whole = either();
    if (next < tokens.length) throw new Error(`'${tokens[next].word ?? tokens[next].value}' is one too many`);
    return (row) => whole(row) === true;
  }

  const listeners = [];
  const picked = new Set();
  const pick = (name) => {
    picked.has(name) ? picked.delete(name) : picked.add(name);
    for (const listener of listeners) listener([...picked]);
  };

  function equip(table, records) {
    const heads = [...table.tHead.rows[0].cells], keys = heads.map((head) => head.dataset.key);
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.dataset.row);
    const record = (row) => records[row.dataset.row];
    const raw = (row, key) => {
      const cell = row.cells[keys.indexOf(key)], value = record(row)?.[key] ?? (rows.length > 2 ? null : cell?.textContent);
      return Array.isArray(value) ? value.reduce((a, b) => a * b, 1) : value ?? null;
    };
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sorted = [...rows].sort((one, other) => {
          const a = raw(one, keys[column]), b = raw(other, keys[column]);
          if (a === null || b === null) return (a === null) - (b === null);
          const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
          return down ? -order : order;
        });
        sorted.forEach((row) => row.parentElement.append(row));
      });
    });
    const bar = make("div", { class: "bar" });
    if (rows.length > 2) {
      const names = [...new Set(rows.flatMap((row) => Object.keys(record(row) ?? {})))];
      const where = make("input", { type: "text", placeholder: `where, as in ${names.includes("params") ? "params < 5M" : names[0] + " > 1"}`,
        "aria-label": "show the rows for which this holds" });
      const said = make("output", { "aria-live": "polite" });
      where.addEventListener("input", () => {
        let holds = () => true;
        said.className = "";
        try {
          if (where.value.trim()) holds = readCondition(where.value, names);
          let left = 0;
          for (const row of rows) left += !(row.hidden = !holds(Object.fromEntries(names.map((name) => [name, raw(row, name)]))));
          said.textContent = where.value.trim() ? `${left} of ${rows.length}` : "";
        } catch (error) {
          for (const row of rows) row.hidden = false;
          said.className = "problem";
          said.textContent = error.message;
        }
      });
      bar.append(where, said);
    }
    const chooser = make("details", { class: "columns" }, make("summary", {}, "columns"));
    const choices = make("div");
    heads.forEach((head, column) => {
      const box = make("input", { type: "checkbox", checked: "" });
      box.addEventListener("change", () => {
        for (const row of table.rows) if (row.cells.length === heads.length) row.cells[column].hidden = !box.checked;
      });
      choices.append(make("label", {}, box, " ", head.textContent));
    });
    chooser.append(choices);
    const shownRows = () => [table.tHead.rows[0], ...[...table.tBodies].flatMap((body) => [...body.rows])].filter((row) => !row.hidden &&
      row.cells.length === heads.length);
    const texts = (row) => [...row.cells].filter((cell) => !cell.hidden).map((cell) => cell.textContent.trim());
    const formats = {
      CSV: () => shownRows().map((row) => texts(row).map((text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text).join(",")).join("\n"),
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
        try { await navigator.clipboard.writeText(text); button.textContent = "copied"; }
        catch { button.textContent = "the browser keeps its clipboard closed"; }
        setTimeout(() => { button.textContent = `copy as ${name}`; }, 1500);
      });
      bar.append(button);
    }
    bar.append(chooser);
    table.closest(".scroll").before(bar);
    const named = rows.filter((row) => record(row)?.model !== undefined);
    named.forEach((row, number) => {
      row.tabIndex = number ? -1 : 0;
      row.setAttribute("aria-selected", "false");
      row.addEventListener("click", () => pick(record(row).model));
    });
    table.addEventListener("keydown", (event) => {
      const row = event.target.closest?.("tbody tr");
      if (!row || event.target !== row) return;
      const visible = [...table.tBodies].flatMap((body) => [...body.rows]).filter((each) => named.includes(each) && !each.hidden);
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
    if (narrow.vconcat) narrow.vconcat.forEach((panel) => { panel.width = Math.max(180, width - 90); });
    else if (typeof narrow.width === "number") narrow.width = Math.max(220, width - (narrow.marks ? 10 : narrow.encoding?.color ? 220 : 150));
    if (narrow.marks && width < 600) narrow.legends.forEach((legend) => { legend.columns = 2; });
    if (!narrow.marks && width < 600 && narrow.encoding?.color) { narrow.width = width - 60; narrow.encoding.color.legend = { orient: "bottom", columns: 2 }; }
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
      now.data[1].values = front.map((point) => ({ across: point[x], up: point[y] }));
      [x, y].forEach((word, number) => {
        now.scales[number].type = axes[word].log ? "log" : "linear";
        now.axes[number].title = axes[word].label;
      });
      view?.finalize();
      view = await show(place, now);
      view.addEventListener("click", (_, item) => { const label = item?.datum?.label ?? item?.datum?.datum?.label; if (label) pick(label); });
    }
    listeners.push((names) => view?.signal("picked", names).run());
    await redraw();
    let width = place.clientWidth;
    new ResizeObserver(() => { if (Math.abs(place.clientWidth - width) > 20) { width = place.clientWidth; redraw(); } }).observe(place);
  }

  const tables = find("tables") ?? [], charts = find("charts") ?? [];
  for (const table of document.querySelectorAll("table[data-table]")) equip(table, tables[table.dataset.table]);
  const draw = (place) => {
    const spec = charts[place.dataset.chart];
    place.dataset.state = "drawing";
    return (spec.usermeta?.axes ? explore(place, spec) : show(place, spec)).catch((error) => {
      place.append(make("p", { class: "problem" }, `this chart cannot be drawn: ${error.message}`));
    });
  };
  async function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const script = make("script");
    script.textContent = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
  }
  const packed = document.getElementById("vega")?.textContent;
  if (packed) unpack(packed).then(() => {
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
    }, { rootMargin: "300px" });
    document.querySelectorAll("figure[data-chart]").forEach((place) => seen.observe(place));
    addEventListener("beforeprint", () => document.querySelectorAll("figure[data-chart]:not([data-state])").forEach(draw));
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details.chapter").forEach((each) => { each.open = true; }));
  document.documentElement.dataset.ready = "yes";
})();

"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const say = text => { document.getElementById("say").textContent = text; };

  // Light and dark: the button offers the other one.
  const theme = document.getElementById("theme"), root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : preferred.matches;
  const name = () => { theme.textContent = dark() ? "Light page" : "Dark page"; };
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  preferred.addEventListener("change", name);
  name();

  // Tables: a click on a heading sorts, by number where both cells are numbers; empty cells come last.
  const content = (row, i) => { const c = row.cells[i]; return c.dataset.v ?? c.textContent.trim(); };
  const compare = (a, b) => {
    if (a === "" || b === "") return 0;
    const x = Number(a), y = Number(b);
    return isNaN(x) || isNaN(y) ? a.localeCompare(b, "en", {numeric: true}) : x - y;
  };
  const infinite = text => text.replace(/^([+-]?)(Inf|∞)$/, "$1Infinity");
  const sortBy = (table, i, sign) => {
    const body = table.tBodies[0], rows = Array.from(body.rows, row => ({row, key: infinite(content(row, i))}));
    rows.sort((a, b) => (a.key === "") - (b.key === "") || sign * compare(a.key, b.key));
    body.append(...rows.map(r => r.row));
  };
  for (const table of all("table[data-sort]")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(other => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        sortBy(table, i, up ? 1 : -1);
      });
    });
  }
  for (const box of all(".filter")) {
    const input = box.querySelector("input"), count = box.querySelector("output");
    const rows = Array.from(box.parentElement.querySelector("table").tBodies[0].rows);
    box.hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every(word => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  }

  // Figures.
  const tip = document.getElementById("tip");
  const showTip = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - box.width - 4)) + "px";
    tip.style.top = (y + 16 + box.height > innerHeight ? y - box.height - 8 : y + 16) + "px";
  };
  const hideTip = () => { tip.hidden = true; };
  addEventListener("keydown", event => { if (event.key === "Escape") hideTip(); });

  const zoomable = (figure, view, svg) => {
    const full = svg.getAttribute("viewBox").split(" ").map(Number);
    let now = full.slice();
    const apply = () => {
      for (const i of [0, 1]) now[i] = Math.max(full[i], Math.min(now[i], full[i] + full[i + 2] - now[i + 2]));
      svg.setAttribute("viewBox", now.join(" "));
      view.classList.toggle("near", now[2] < full[2]);
      hideTip();
    };
    const zoom = (factor, u = 0.5, v = 0.5) => {
      const scale = factor ? Math.min(1, Math.max(1 / 12, now[2] / full[2] / factor)) : 1;
      const x = now[0] + u * now[2], y = now[1] + v * now[3];
      now = [x - u * full[2] * scale, y - v * full[3] * scale, full[2] * scale, full[3] * scale];
      apply();
    };
    const at = event => { const r = svg.getBoundingClientRect(); return [(event.clientX - r.left) / r.width, (event.clientY - r.top) / r.height]; };
    all("[data-zoom]", figure).forEach(button => button.addEventListener("click", () => zoom(Number(button.dataset.zoom))));
    svg.addEventListener("wheel", event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.25 : 0.8, ...at(event));
    }, {passive: false});
    svg.addEventListener("dblclick", event => zoom(2, ...at(event)));
    let from = null;
    svg.addEventListener("pointerdown", event => {
      if (!view.classList.contains("near") || event.button) return;
      from = at(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", event => {
      if (!from) return;
      const to = at(event);
      now[0] -= (to[0] - from[0]) * now[2];
      now[1] -= (to[1] - from[1]) * now[3];
      from = to;
      apply();
    });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { from = null; });
    return zoom;
  };

  // The color of a series is that of the first thing drawn in it.
  const colorOf = groups => {
    for (const shape of groups.flatMap(group => all("path,circle,rect,line", group))) {
      for (const kind of ["stroke", "fill"]) {
        const color = shape.getAttribute(kind);
        if (color && color !== "none" && !color.includes("ffffff")) return color; // a hollow mark is filled with the ground
      }
    }
    return "currentColor";
  };
  const switchable = (figure, svg) => {
    const labels = new Map();
    for (const group of all("[data-series]", svg)) {
      const label = group.dataset.series;
      if (!labels.has(label)) labels.set(label, []);
      labels.get(label).push(group);
    }
    const box = figure.querySelector("div.series"); // the figure has groups of that class
    if (labels.size < 2) { box.remove(); return; }
    for (const [label, groups] of labels) {
      const button = document.createElement("button"), swatch = document.createElement("i");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      swatch.style.background = colorOf(groups.toSorted((a, b) => b.matches(".series") - a.matches(".series")));
      button.append(swatch, label);
      const turn = () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        for (const group of groups) group.classList.toggle(group.matches(".key") ? "faint" : "off", !on);
      };
      button.addEventListener("click", turn);
      groups.filter(g => g.matches(".key")).forEach(key => { key.style.cursor = "pointer"; key.addEventListener("click", turn); });
      box.append(button);
    }
  };

  // A spot has its text, or the numbers to put into the text of the last spot before it that has one.
  const saying = spot => {
    if (spot.dataset.t) return spot.dataset.t;
    let full = spot;
    while (full && !full.dataset.t) full = full.previousElementSibling;
    const numbers = spot.dataset.n.split(" ");
    return full.dataset.t.replace(/[-+]?[0-9][0-9.]*(?:e[-+]?[0-9]+)?/g, () => numbers.shift());
  };
  const readable = (view, svg, zoom) => {
    let mark = null;
    const leave = () => { mark?.classList.remove("here"); mark = null; hideTip(); };
    const point = (to, aloud) => {
      leave();
      mark = to;
      mark.classList.add("here");
      const r = mark.getBoundingClientRect();
      showTip(saying(mark), r.left + r.width / 2, r.top + r.height / 2);
      if (aloud) say(saying(mark));
    };
    // The mouse need not hit a spot: the nearest one within some pixels answers.
    svg.addEventListener("pointermove", event => {
      const {x, y} = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const away = p => Math.hypot(p.cx.baseVal.value - x, p.cy.baseVal.value - y);
      const near = all(".pt", svg).filter(p => !p.closest(".off")).reduce((a, b) => a && away(a) <= away(b) ? a : b, null);
      if (near && away(near) < 16 / svg.getScreenCTM().a) { if (near !== mark) point(near, false); } else leave();
    });
    svg.addEventListener("pointerleave", leave);
    view.addEventListener("blur", leave);
    view.addEventListener("keydown", event => {
      if (event.key === "+" || event.key === "=") return zoom(1.5);
      if (event.key === "-") return zoom(1 / 1.5);
      if (event.key === "0") return zoom(0);
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      const points = all(".pt", svg).filter(p => !p.closest(".off"));
      if (!step || !points.length) return;
      event.preventDefault();
      const next = points.indexOf(mark) + step;
      point(points[mark ? (next + points.length) % points.length : step > 0 ? 0 : points.length - 1], true);
    });
  };

  for (const figure of all("figure")) {
    const view = figure.querySelector(".view"), svg = view.querySelector("svg");
    if (!svg) continue;
    figure.querySelector(".tools").hidden = false;
    const zoom = zoomable(figure, view, svg);
    switchable(figure, svg);
    readable(view, svg, zoom);
  }
})();

(function () {
  "use strict";
  var root = document.documentElement;
  var codes = document.querySelectorAll("details.code");
  var toggleCode = document.getElementById("toggle-code");
  if (toggleCode && codes.length) {
    toggleCode.hidden = false;
    toggleCode.setAttribute("aria-pressed", "false");
    toggleCode.addEventListener("click", function () {
      var open = toggleCode.getAttribute("aria-pressed") !== "true";
      root.classList.toggle("show-code", open);
      codes.forEach(function (code) { code.open = open; });
      toggleCode.setAttribute("aria-pressed", String(open));
      toggleCode.textContent = open ? toggleCode.dataset.hide : toggleCode.dataset.show;
    });
  }
  var toggleScheme = document.getElementById("toggle-scheme");
  if (toggleScheme) {
    var kept = null;
    // A page opened from a file may not be allowed to keep anything: then the choice lasts for this view.
    try { kept = localStorage.getItem("scheme"); } catch (error) { kept = null; }
    if (kept === "light" || kept === "dark") { root.dataset.scheme = kept; }
    toggleScheme.hidden = false;
    toggleScheme.addEventListener("click", function () {
      var dark = matchMedia("(prefers-color-scheme: dark)").matches;
      var now = root.dataset.scheme || (dark ? "dark" : "light");
      root.dataset.scheme = now === "dark" ? "light" : "dark";
      try { localStorage.setItem("scheme", root.dataset.scheme); } catch (error) { return; }
    });
  }
  var contents = document.getElementById("contents");
  if (contents && matchMedia("(max-width: 68rem)").matches) { contents.open = false; }
  var links = {};
  document.querySelectorAll(".contents a").forEach(function (link) {
    links[decodeURIComponent(link.hash.slice(1))] = link;
  });
  if (contents && "IntersectionObserver" in window) {
    var watcher = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting || !links[entry.target.id]) { return; }
        Object.keys(links).forEach(function (id) { links[id].removeAttribute("aria-current"); });
        links[entry.target.id].setAttribute("aria-current", "true");
      });
    }, { rootMargin: "0px 0px -75% 0px" });
    document.querySelectorAll("main h1[id], main h2[id], main h3[id]").forEach(function (heading) {
      watcher.observe(heading);
    });
  }

  // The drawer: a link to a fact shows its passport beside the text; without a script it leads to the list of sources.
  var drawer = document.getElementById("drawer");
  var opener = null;
  function closeDrawer() {
    drawer.hidden = true;
    if (opener) { opener.focus(); opener = null; }
  }
  function openDrawer(link) {
    var body = document.getElementById("drawer-body");
    var group = link.closest(".headline, tr") || link;
    var links = group === link ? [link] : Array.prototype.slice.call(group.querySelectorAll('a[href^="#"]'));
    var ids = [link].concat(links).map(function (one) { return decodeURIComponent(one.hash.slice(1)); });
    body.textContent = "";
    ids.filter(function (id, place) { return ids.indexOf(id) === place && passports[id]; }).forEach(function (id) {
      var shown = passports[id].cloneNode(true);
      var more = document.createElement("a");
      more.href = "#" + encodeURIComponent(id);
      more.dataset.plain = "";
      more.textContent = body.dataset.list + " [" + id + "]";
      shown.appendChild(more);
      body.appendChild(shown);
    });
    opener = link;
    drawer.hidden = false;
    drawer.scrollTop = 0;
    document.getElementById("drawer-close").focus();
  }
  var passports = {};
  document.querySelectorAll("#passports article").forEach(function (one) { passports[one.dataset.fact] = one; });
  if (drawer) {
    document.getElementById("drawer-close").addEventListener("click", closeDrawer);
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && !drawer.hidden) { closeDrawer(); }
    });
    document.addEventListener("click", function (event) {
      var link = event.target.closest('a[href^="#"]');
      if (!link) { return; }
      if ("plain" in link.dataset) { opener = null; drawer.hidden = true; return; }
      if (passports[decodeURIComponent(link.hash.slice(1))] && !link.closest(".contents")) {
        event.preventDefault();
        openDrawer(link);
      }
    });
  }

  // Long tables can be sorted: by number where a column holds numbers with units, by text elsewhere.
  var SCALES = { thousand: 1e3, million: 1e6, billion: 1e9, trillion: 1e12, "\u4e07": 1e4, "\u4ebf": 1e8, "\u4e07\u4ebf": 1e12 };
  function key(cell) {
    var text = cell ? cell.textContent.trim() : "";
    var found = /^(?:[A-Z]{3}\s*)?([-\u2212+]?[\d,]*\.?\d+)\s*(thousand|million|billion|trillion|\u4e07\u4ebf|\u4e07|\u4ebf)?/.exec(text);
    if (!found || /^\d{4}-\d{2}/.test(text)) { return text; }
    return parseFloat(found[1].replace(/,/g, "").replace("\u2212", "-")) * (SCALES[found[2]] || 1);
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a !== typeof b) { return typeof a === "number" ? -1 : 1; }
    return a < b ? -1 : a > b ? 1 : 0;
  }
  document.querySelectorAll("main table").forEach(function (table) {
    var rows = table.tBodies.length === 1 ? Array.prototype.slice.call(table.tBodies[0].rows) : [];
    var heads = table.tHead && table.tHead.rows.length === 1 ? Array.prototype.slice.call(table.tHead.rows[0].cells) : [];
    var even = rows.every(function (row) { return row.cells.length === heads.length; });
    if (rows.length < 8 || !heads.length || !even) { return; }
    heads.forEach(function (head, column) {
      if (!head.textContent.trim()) { return; }
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.map(function (row, place) { return { row: row, key: key(row.cells[column]), place: place }; })
          .sort(function (a, b) { return (down ? -1 : 1) * compare(a.key, b.key) || a.place - b.place; })
          .forEach(function (one) { table.tBodies[0].appendChild(one.row); });
      });
    });
  });

  // The index: search and filters over the list of reports.
  var filters = document.getElementById("filters");
  if (filters) {
    var reports = Array.prototype.slice.call(document.querySelectorAll("li.report"));
    var fields = ["text", "platform", "notebook", "state"].map(function (name) {
      return document.getElementById("filter-" + name);
    });
    var filter = function () {
      var words = fields[0].value.toLowerCase().split(/\s+/);
      var count = 0;
      reports.forEach(function (report) {
        var text = report.textContent.toLowerCase();
        var fits = words.every(function (word) { return text.indexOf(word) >= 0; }) &&
          ["platform", "notebook"].every(function (name, place) {
            var wanted = fields[place + 1].value;
            return !wanted || report.dataset[name] === wanted;
          }) && (!fields[3].value || report.dataset.state.split(" ").indexOf(fields[3].value) >= 0);
        report.hidden = !fits;
        count += fits ? 1 : 0;
      });
      document.getElementById("filter-count").textContent = count + " of " + reports.length;
    };
    filters.hidden = false;
    filters.addEventListener("input", filter);
    filters.addEventListener("submit", function (event) { event.preventDefault(); });
    filter();
  }
})();

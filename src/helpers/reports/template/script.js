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
})();

(function () {
  "use strict";
  document.documentElement.classList.add("js");

  function swipe(box) {
    var stage = box.querySelector("[data-stage]");
    var over = box.querySelector("[data-over]");
    var divider = box.querySelector("[data-divider]");
    var range = box.querySelector("[data-position]");
    var full = box.querySelector("[data-full]");
    stage.style.setProperty("--ratio", stage.dataset.ratio);

    function show(percent) {
      var at = Math.min(100, Math.max(0, percent));
      range.value = String(Math.round(at));
      range.setAttribute("aria-valuetext", Math.round(at) + " % of the width shows the image before");
      over.style.clipPath = "inset(0 0 0 " + at + "%)";
      divider.style.left = at + "%";
      stage.classList.toggle("all-after", at < 2);
      stage.classList.toggle("all-before", at > 98);
    }

    function follow(event) {
      var place = stage.getBoundingClientRect();
      show(((event.clientX - place.left) / place.width) * 100);
    }

    // A finger may only want to scroll past: the divider follows it once it has moved sideways, or
    // where it was put down and lifted. A mouse is followed at once.
    var start = null;
    var held = false;
    stage.addEventListener("pointerdown", function (event) {
      if (event.button !== 0 || !event.isPrimary) { return; }
      start = event;
      held = event.pointerType === "mouse";
      stage.setPointerCapture(event.pointerId);
      if (held) { follow(event); }
    });
    stage.addEventListener("pointermove", function (event) {
      if (!start) { return; }
      var across = Math.abs(event.clientX - start.clientX);
      if (across > 5 && across > Math.abs(event.clientY - start.clientY)) { held = true; }
      if (held) { follow(event); }
    });
    stage.addEventListener("pointerup", function (event) {
      if (start) { follow(event); }
      start = null;
    });
    stage.addEventListener("pointercancel", function () { start = null; });
    range.addEventListener("input", function () { show(Number(range.value)); });
    box.querySelectorAll("[data-to]").forEach(function (button) {
      button.addEventListener("click", function () { show(Number(button.dataset.to)); });
    });

    if (document.fullscreenEnabled) {
      full.hidden = false;
      full.addEventListener("click", function () {
        if (document.fullscreenElement) { document.exitFullscreen(); } else { box.requestFullscreen(); }
      });
    }
    layers(box);
    show(50);
  }

  function layers(box) {
    var outlines = box.querySelector("[data-outlines]");
    var tick = box.querySelector("[data-show-outlines]");
    var strength = box.querySelector("[data-strength]");

    function update() {
      var chosen = box.querySelector("input[name=layer]:checked");
      box.querySelectorAll("[data-layer]").forEach(function (layer) {
        layer.hidden = layer.dataset.layer !== chosen.value;
        layer.style.opacity = String(strength.value / 100);
      });
      box.querySelectorAll("[data-legend]").forEach(function (legend) {
        legend.hidden = legend.dataset.legend !== chosen.dataset.legendOf;
      });
      if (tick) {
        outlines.toggleAttribute("hidden", !tick.checked);
        box.querySelector("[data-legend-outlines]").hidden = !tick.checked;
      }
    }

    if (!strength) { return; }
    box.querySelectorAll("fieldset input").forEach(function (input) {
      input.addEventListener("input", update);
    });
    update();
  }

  function enlarge(figure) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "Enlarge";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", "Enlarge: " + figure.querySelector("h3").textContent);
    button.addEventListener("click", function () {
      var wide = figure.classList.toggle("wide");
      button.setAttribute("aria-pressed", String(wide));
      figure.scrollIntoView({ block: "nearest" });
    });
    figure.querySelector("h3").after(button);
  }

  document.querySelectorAll("[data-swipe]").forEach(swipe);
  document.querySelectorAll(".pictures figure").forEach(enlarge);

  // On paper nothing can be opened: open everything for printing, and put it back afterwards.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (item) { item.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (item) { item.open = false; });
  });
})();

(function () {
  "use strict";
  function enlarge(figure) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "⤢";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", "⤢ " + figure.querySelector("h3").textContent);
    button.addEventListener("click", function () {
      var wide = figure.classList.toggle("wide");
      button.setAttribute("aria-pressed", String(wide));
      figure.scrollIntoView({ block: "nearest" });
    });
    figure.querySelector("h3").after(button);
  }

  document.querySelectorAll(".pictures figure").forEach(enlarge);

  // On paper nothing can be opened: open everything for printing, and put it back afterwards.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.from(document.querySelectorAll("details:not([open]):not(.screen)"));
    opened.forEach(function (item) { item.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (item) { item.open = false; });
  });
})();

// Language of the page: the style sheet shows the texts, this changes attributes and what scripts say.
var changedet = (function () {
  "use strict";
  var root = document.documentElement;
  var listeners = [];
  var data = null;
  var block = document.getElementById("data");
  root.classList.add("js");
  if (block) { data = JSON.parse(block.textContent); }
  else if (window.CHANGEDET_DATA) { data = window.CHANGEDET_DATA; }

  function language() { return root.lang; }

  function word(name) { return data.words[language()][name]; }

  function number(value, digits, fixed) {
    if (value === null || value === undefined) { return "–"; }
    return value.toLocaleString(language(), {
      maximumFractionDigits: digits, minimumFractionDigits: fixed ? digits : 0
    });
  }

  function percent(share) {
    return share === null || share === undefined ? "–" : number(100 * share, 1, true) + "\u00a0%";
  }

  function speak(chosen) {
    root.lang = chosen;
    ["alt", "aria-label"].forEach(function (name) {
      document.querySelectorAll("[data-" + name + "-" + chosen + "]").forEach(function (item) {
        item.setAttribute(name, item.getAttribute("data-" + name + "-" + chosen));
      });
    });
    document.querySelectorAll("[data-language]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
    });
    if (data) { document.title = word("title"); }
    listeners.forEach(function (listener) { listener(); });
  }

  document.querySelectorAll("[data-language]").forEach(function (button) {
    button.addEventListener("click", function () { speak(button.dataset.language); });
  });

  function element(name, text, className) {
    var made = document.createElement(name);
    if (text !== undefined && text !== null) { made.textContent = text; }
    if (className) { made.className = className; }
    return made;
  }

  function foreign(text) {
    var made = document.createElement("bdi");
    made.textContent = text;
    return made;
  }

  function save(parts, type, name) {
    var link = document.createElement("a");
    var address = URL.createObjectURL(new Blob(parts, { type: type }));
    link.href = address;
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(address); }, 10000);
  }

  function bytes(uri) {
    var text = atob(uri.slice(uri.indexOf(",") + 1));
    var found = new Uint8Array(text.length);
    for (var k = 0; k < text.length; k += 1) { found[k] = text.charCodeAt(k); }
    return found;
  }

  document.querySelectorAll("[data-take]").forEach(function (button) {
    button.addEventListener("click", function () {
      save([bytes(data.pair[button.dataset.take])], "image/jpeg", button.dataset.take + ".jpg");
    });
  });

  return {
    data: data, word: word, number: number, percent: percent, element: element, foreign: foreign,
    save: save, language: language,
    onSpeak: function (listener) { listeners.push(listener); }
  };
})();

// Towns that sort, filter, turn pages and leave as CSV. All rows stand in the page: this puts those
// that are wanted, in the order that is wanted, into the table, the plot and the small maps.
(function () {
  "use strict";
  var data = changedet.data;
  var word = changedet.word, number = changedet.number, element = changedet.element;
  var filter = document.querySelector("[data-filter]");
  if (!data || !filter) { return; }
  var kind = document.querySelector("[data-kind]");
  var order = document.querySelector("[data-order]");
  var down = document.querySelector("[data-down]");
  var count = document.querySelector("[data-count]");
  var pager = document.querySelector("[data-pager]");
  var heads = Array.from(document.querySelectorAll("[data-sort]"));
  var total = data.rows.length, page = 0, found = [];
  var places = {};
  data.columns.forEach(function (name, c) { places[name] = c; });
  var by = "built_destroyed_ha";

  var lists = Array.from(document.querySelectorAll("[data-list]")).map(function (place) {
    var items = [];
    place.querySelectorAll(":scope > [data-k]").forEach(function (item) {
      items[Number(item.dataset.k)] = item;
    });
    return { place: place, items: items };
  });
  // Words of both languages: whoever looks for a status or a reason finds it in either.
  var texts = data.rows.map(function (row, k) {
    return lists[0].items[k].textContent.toLocaleLowerCase() + " " + String(row[0]).toLocaleLowerCase();
  });

  function value(k) {
    return by === "status" ? data.kinds[k] : data.rows[k][places[by]];
  }

  function arrange() {
    var wanted = filter.value.trim().toLocaleLowerCase();
    var chosen = kind.value === "" ? -1 : Number(kind.value);
    var sign = down.checked ? -1 : 1;
    var collator = new Intl.Collator(changedet.language(), { numeric: true });
    found = [];
    for (var k = 0; k < total; k += 1) {
      if (chosen >= 0 && data.kinds[k] !== chosen) { continue; }
      if (wanted && texts[k].indexOf(wanted) < 0) { continue; }
      found.push(k);
    }
    found.sort(function (a, b) {
      var one = value(a), two = value(b);
      if (one === null || two === null) { return one === two ? a - b : one === null ? 1 : -1; }
      var apart = typeof one === "string" ? collator.compare(one, two) : one - two;
      return sign * apart || a - b;
    });
  }

  function show(part) {
    lists.forEach(function (list) {
      var items = [];
      part.forEach(function (k) { if (list.items[k]) { items.push(list.items[k]); } });
      list.place.replaceChildren.apply(list.place, items);
    });
  }

  function filled(name, one, all) {
    return word(name).replace("{n}", number(one, 0)).replace("{total}", number(all, 0));
  }

  function draw() {
    var pages = Math.max(1, Math.ceil(found.length / data.page));
    page = Math.min(page, pages - 1);
    show(found.slice(page * data.page, (page + 1) * data.page));
    count.textContent = found.length ? filled("shown", found.length, total) : word("nothing-found");
    heads.forEach(function (button) {
      var cell = button.parentNode;
      if (button.dataset.sort === by) {
        cell.setAttribute("aria-sort", down.checked ? "descending" : "ascending");
      } else { cell.removeAttribute("aria-sort"); }
    });
    turn(pages);
  }

  function turn(pages) {
    pager.hidden = pages < 2;
    var parts = [["previous", -1], ["next", 1]].map(function (pair) {
      var button = element("button", word(pair[0]));
      button.type = "button";
      button.disabled = page + pair[1] < 0 || page + pair[1] >= pages;
      button.addEventListener("click", function () {
        page += pair[1];
        draw();
        document.getElementById("h-table").scrollIntoView({ block: "start" });
        var again = pager.querySelectorAll("button")[pair[1] < 0 ? 0 : 1];
        if (!again.disabled) { again.focus({ preventScroll: true }); }
      });
      return button;
    });
    pager.replaceChildren(parts[0], element("span", filled("page", page + 1, pages)), parts[1]);
  }

  function anew() {
    page = 0;
    arrange();
    draw();
  }

  function options(select, names, values, kept) {
    select.replaceChildren();
    names.forEach(function (name, k) {
      var option = element("option", name);
      option.value = values[k];
      select.append(option);
    });
    select.value = kept;
  }

  function speak() {
    var kinds = [], names = word("kinds");
    names.forEach(function (name, k) { if (data.kinds.indexOf(k) >= 0) { kinds.push(k); } });
    options(kind, [word("any")].concat(kinds.map(function (k) { return names[k]; })),
      [""].concat(kinds.map(String)), kind.value);
    options(order, word("headings"), data.sort, by);
    arrange();
    draw();
  }

  function defused(cell) {
    if (cell === null || cell === undefined) { return ""; }
    if (typeof cell !== "string") { return String(cell); }
    var text = /^[=+\-@\t\r]/.test(cell) ? "'" + cell : cell;
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  filter.addEventListener("input", anew);
  kind.addEventListener("change", anew);
  down.addEventListener("change", anew);
  order.addEventListener("change", function () {
    by = order.value;
    down.checked = ["name", "status", "after_date"].indexOf(by) < 0;
    anew();
  });
  heads.forEach(function (button) {
    button.addEventListener("click", function () {
      var next = button.dataset.sort;
      down.checked = by === next ? !down.checked : ["name", "status", "after_date"].indexOf(next) < 0;
      by = next;
      order.value = by;
      anew();
    });
  });
  document.querySelector("[data-csv]").addEventListener("click", function () {
    var lines = [data.columns.join(",")].concat(found.map(function (k) {
      return data.rows[k].map(defused).join(",");
    }));
    changedet.save(["\ufeff" + lines.join("\r\n") + "\r\n"], "text/csv;charset=utf-8", "towns.csv");
  });
  // On paper nothing can be turned: all towns that are found.
  window.addEventListener("beforeprint", function () { show(found); });
  window.addEventListener("afterprint", draw);
  changedet.onSpeak(speak);
  speak();
})();

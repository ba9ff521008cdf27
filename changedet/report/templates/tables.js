// Tables that sort, filter, turn pages and leave as CSV.
(function () {
  "use strict";
  var data = changedet.data;
  if (!data) { return; }
  var word = changedet.word, number = changedet.number, percent = changedet.percent;
  var element = changedet.element;
  var PAGE = 25;

  function filled(name, one, all) {
    return word(name).replace("{n}", number(one, 0)).replace("{total}", number(all, 0));
  }

  // A column: heading, its name in the CSV, value to sort by and to save, text to show.
  function buildingColumns() {
    var list = data.buildings;
    return [
      { head: word("building"), csv: "id", value: function (k) { return list.id[k]; }, foreign: true },
      {
        head: word("grade"), csv: "grade", value: function (k) { return list.grade[k]; },
        text: function (k) { return word("grades")[list.grade[k]]; },
        saved: function (k) { return data.words.en.grades[list.grade[k]]; }
      },
      { head: word("probability"), csv: "probability_destroyed", value: function (k) { return list.probability[k]; }, digits: 2 },
      { head: word("evidence"), csv: "score", value: function (k) { return list.evidence[k]; }, digits: 2 },
      { head: word("lost-share"), csv: "lost_share", value: function (k) { return list.lost[k]; }, share: true },
      { head: word("area") + ", " + word("m") + "²", csv: "area_m2", value: function (k) { return list.area[k]; }, digits: 0 },
      { head: word("reason"), csv: "reason", value: function (k) { return list.reason[k]; }, foreign: true }
    ];
  }

  function cellColumns() {
    var columns = [
      { head: word("cell"), csv: "id", value: function (k) { return data.cells[k].id; }, foreign: true },
      { head: word("analysed"), csv: "analysed_share", value: function (k) { return data.cells[k].analysed; }, share: true }
    ];
    data.fields.forEach(function (field, n) {
      columns.push({ head: word("fields")[n] + ", " + word("ha"), csv: field[1], value: function (k) { return data.cells[k].areas[n]; }, digits: 3 });
      columns.push({ head: word("fields")[n] + ", %", csv: field[0], value: function (k) { return data.cells[k].shares[n]; }, share: true });
    });
    return columns;
  }

  function defused(value) {
    if (value === null || value === undefined) { return ""; }
    if (typeof value === "number") { return String(value); }
    var text = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function table(box) {
    var kind = box.dataset.table;
    var columns = kind === "buildings" ? buildingColumns : cellColumns;
    var total = kind === "buildings" ? data.buildings.id.length : data.cells.length;
    var show = kind === "buildings" ? changedet.showBuilding : changedet.showCell;
    var order = { column: kind === "buildings" ? 1 : 2, down: kind !== "buildings" };
    var page = 0;
    var filter = box.querySelector("[data-filter]");
    var grade = box.querySelector("[data-grade]");
    var body = box.querySelector("[data-rows]");

    function text(column, k) {
      if (column.text) { return column.text(k); }
      var value = column.value(k);
      if (column.share) { return percent(value); }
      if (column.digits !== undefined) { return number(value, column.digits, true); }
      return value;
    }

    function chosen() {
      var wanted = filter.value.trim().toLocaleLowerCase(), found = [], known = columns();
      for (var k = 0; k < total; k += 1) {
        if (grade && grade.value !== "" && data.buildings.grade[k] !== Number(grade.value)) { continue; }
        if (wanted && !known.some(function (column) {
          return String(text(column, k)).toLocaleLowerCase().indexOf(wanted) >= 0;
        })) { continue; }
        found.push(k);
      }
      var by = known[order.column];
      var collator = new Intl.Collator(changedet.language(), { numeric: true });
      found.sort(function (a, b) {
        var one = by.value(a), two = by.value(b), sign = order.down ? -1 : 1;
        if (one === null || two === null) { return one === two ? a - b : one === null ? 1 : -1; }
        var found_ = typeof one === "string" ? collator.compare(one, two) : one - two;
        return sign * found_ || a - b;
      });
      return found;
    }

    function draw() {
      var found = chosen(), known = columns();
      var pages = Math.max(1, Math.ceil(found.length / PAGE));
      page = Math.min(page, pages - 1);
      var head = element("thead"), top = element("tr");
      known.forEach(function (column, c) {
        var cell = element("th"), button = element("button", column.head);
        cell.scope = "col";
        cell.setAttribute("aria-sort", order.column !== c ? "none" : order.down ? "descending" : "ascending");
        button.type = "button";
        button.addEventListener("click", function () {
          order = { column: c, down: order.column === c ? !order.down : false };
          page = 0;
          draw();
          body.querySelectorAll("thead button")[c].focus();
        });
        cell.append(button);
        top.append(cell);
      });
      head.append(top);
      var rows = element("tbody");
      found.slice(page * PAGE, (page + 1) * PAGE).forEach(function (k) {
        var row = element("tr");
        known.forEach(function (column, c) {
          var cell = element(c ? "td" : "th"), value = text(column, k);
          if (c === 0) {
            cell.scope = "row";
            var button = element("button", null, "link");
            button.type = "button";
            button.append(changedet.foreign(value));
            button.setAttribute("aria-label", word("show") + ": " + value);
            button.addEventListener("click", function () { show(k); });
            cell.append(button);
          } else if (column.foreign) { cell.append(changedet.foreign(value)); }
          else {
            cell.textContent = value;
            if (!column.text) { cell.className = "number"; }
          }
          row.append(cell);
        });
        rows.append(row);
      });
      body.replaceChildren(head, rows);
      box.querySelector("[data-count]").textContent =
        filled("shown", found.length, total);
      pager(pages);
    }

    function pager(pages) {
      var place = box.querySelector("[data-pager]");
      place.hidden = pages < 2;
      var parts = [["previous", -1], ["next", 1]].map(function (pair) {
        var button = element("button", word(pair[0]));
        button.type = "button";
        button.disabled = page + pair[1] < 0 || page + pair[1] >= pages;
        button.addEventListener("click", function () {
          page += pair[1];
          draw();
          var again = place.querySelectorAll("button")[pair[1] < 0 ? 0 : 1];
          if (!again.disabled) { again.focus(); }
        });
        return button;
      });
      place.replaceChildren(parts[0], element("span", filled("page", page + 1, pages)), parts[1]);
    }

    function grades() {
      if (!grade) { return; }
      var kept = grade.value;
      grade.replaceChildren();
      var all = element("option", "–");
      all.value = "";
      grade.append(all);
      word("grades").forEach(function (name, k) {
        var option = element("option", name);
        option.value = String(k);
        grade.append(option);
      });
      grade.value = kept;
    }

    filter.addEventListener("input", function () { page = 0; draw(); });
    if (grade) { grade.addEventListener("change", function () { page = 0; draw(); }); }
    box.querySelector("[data-csv]").addEventListener("click", function () {
      var known = columns();
      var lines = [known.map(function (column) { return column.csv; }).join(",")];
      chosen().forEach(function (k) {
        lines.push(known.map(function (column) {
          return defused(column.saved ? column.saved(k) : column.value(k));
        }).join(","));
      });
      changedet.save(["\ufeff" + lines.join("\r\n") + "\r\n"], "text/csv;charset=utf-8", kind + ".csv");
    });
    changedet.onSpeak(function () { grades(); draw(); });
    grades();
    draw();
  }

  document.querySelectorAll("[data-table]").forEach(table);
})();

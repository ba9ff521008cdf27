// The map: both dates under a divider, layers over them. Positions are pixels of the maps' grid;
// Leaflet's latitude is minus the row.
(function () {
  "use strict";
  var box = document.querySelector("[data-atlas]");
  var data = changedet.data;
  if (!box || !data) { return; }
  var word = changedet.word, number = changedet.number, percent = changedet.percent;
  var element = changedet.element;
  var STEPS = 10;
  var width = data.size[0], height = data.size[1];
  var bounds = [[-height, 0], [0, width]];
  var quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  var stage = box.querySelector("[data-stage]");
  var range = box.querySelector("[data-position]");
  var divider = box.querySelector("[data-divider]");
  var bar = box.querySelector("[data-bar]");
  var place = box.querySelector("[data-place]");
  var finest = data.tiles ? 2 : Math.ceil(Math.log2(data.pair.size[0] / width)) + 2;

  var map = L.map(box.querySelector("[data-map]"), {
    crs: L.CRS.Simple, attributionControl: false, zoomControl: false, preferCanvas: true,
    zoomSnap: data.tiles ? 1 : 0, minZoom: -12, maxZoom: finest, maxBoundsViscosity: 0.8,
    zoomAnimation: !quiet, fadeAnimation: !quiet, scrollWheelZoom: false
  });
  ["before", "after", "rasters", "shapes"].forEach(function (name, order) {
    map.createPane(name).style.zIndex = String(200 + 50 * order);
  });
  // The divider lies under the popups and over all else, so it stands in a pane of the map.
  map.createPane("divider").style.zIndex = "650";
  map.getPane("divider").append(divider);
  divider.hidden = false;
  L.DomEvent.disableClickPropagation(divider);
  var canvas = L.canvas({ pane: "shapes", tolerance: 4, padding: 0.3 });

  // Pictures, or tiles: level z of the pyramid is drawn at Leaflet's zoom z - zmax.
  var Tiles = L.GridLayer.extend({
    createTile: function (coords, done) {
      var tile = document.createElement("img");
      var level = coords.z + data.tiles.zmax;
      tile.alt = "";
      tile.onload = function () { done(null, tile); };
      tile.onerror = function () { done(null, tile); };
      if (present(this.options.name, level, coords.x, coords.y)) {
        tile.src = address(this.options.name, level, coords.x, coords.y);
      } else { setTimeout(function () { done(null, tile); }, 0); }
      return tile;
    }
  });

  function address(layer, level, x, y) {
    return data.tiles.layers[layer].template.replace("{z}", level).replace("{x}", x).replace("{y}", y);
  }

  // Which tiles there are: all, none, or one bit for each, row by row.
  function present(layer, level, x, y) {
    var step = Math.pow(2, data.tiles.zmax - level) * data.tiles.size;
    var across = Math.ceil(data.tiles.width / step), down = Math.ceil(data.tiles.height / step);
    if (x < 0 || y < 0 || x >= across || y >= down) { return false; }
    var known = data.tiles.layers[layer].present[level];
    if (typeof known === "number") { return known === 1; }
    var k = y * across + x;
    return Boolean(atob(known).charCodeAt(k >> 3) & (128 >> (k & 7)));
  }

  function raster(name, uri, pane) {
    if (data.tiles) {
      return new Tiles({
        name: name, pane: pane, tileSize: data.tiles.size, bounds: bounds,
        minNativeZoom: -data.tiles.zmax, maxNativeZoom: 0, minZoom: -12, maxZoom: finest
      });
    }
    var layer = L.imageOverlay(uri, bounds, { pane: pane, alt: "" });
    layer.on("load", function () {
      layer.getElement().classList.toggle("pixelated", map.getZoom() > 1);
    });
    return layer;
  }

  raster("before", data.pair && data.pair.before, "before").addTo(map);
  raster("after", data.pair && data.pair.after, "after").addTo(map);

  // The divider.
  var share = 50;
  function cut() {
    var corner = map.containerPointToLayerPoint([0, 0]);
    var size = map.getSize();
    var at = corner.x + size.x * share / 100;
    map.getPane("after").style.clipPath = "polygon(" + [
      [at, corner.y], [corner.x + size.x, corner.y],
      [corner.x + size.x, corner.y + size.y], [at, corner.y + size.y]
    ].map(function (point) { return point[0] + "px " + point[1] + "px"; }).join(",") + ")";
    L.DomUtil.setPosition(divider, L.point(Math.round(at), corner.y));
    divider.style.height = size.y + "px";
  }

  function divide(percentage) {
    share = Math.min(100, Math.max(0, percentage));
    range.value = String(Math.round(share));
    var said = share < 1 ? word("after-alone") : share > 99 ? word("before-alone")
      : Math.round(share) + " " + word("divider-value");
    range.setAttribute("aria-valuetext", said);
    stage.classList.toggle("all-after", share < 2);
    stage.classList.toggle("all-before", share > 98);
    cut();
  }

  var held = false;
  function follow(event) {
    var frame = stage.getBoundingClientRect();
    divide(100 * (event.clientX - frame.left) / frame.width);
  }
  divider.addEventListener("pointerdown", function (event) {
    held = true;
    divider.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  divider.addEventListener("pointermove", function (event) { if (held) { follow(event); } });
  divider.addEventListener("pointerup", function () { held = false; });
  divider.addEventListener("pointercancel", function () { held = false; });
  range.addEventListener("input", function () { divide(Number(range.value)); });
  box.querySelectorAll("[data-to]").forEach(function (button) {
    button.addEventListener("click", function () { divide(Number(button.dataset.to)); });
  });

  // Scale bar and position.
  function scale() {
    if (!data.gsd) { bar.textContent = word("no-scale"); bar.style.width = "auto"; return; }
    var perPixel = data.gsd / Math.pow(2, map.getZoom());
    var most = perPixel * Math.min(180, map.getSize().x / 3);
    var power = Math.pow(10, Math.floor(Math.log10(most)));
    var metres = [5, 2, 1].map(function (k) { return k * power; })
      .find(function (length) { return length <= most; });
    bar.style.width = metres / perPixel + "px";
    bar.textContent = metres >= 1000 ? number(metres / 1000, 1) + "\u00a0" + word("km")
      : number(metres, 2) + "\u00a0" + word("m");
  }

  function lonlat(col, row) {
    var across = Math.min(3.999, Math.max(0, 4 * col / width));
    var down = Math.min(3.999, Math.max(0, 4 * row / height));
    var i = Math.floor(across), j = Math.floor(down), u = across - i, v = down - j;
    return [0, 1].map(function (k) {
      var mesh = data.lonlat;
      return (1 - v) * ((1 - u) * mesh[j][i][k] + u * mesh[j][i + 1][k]) +
        v * ((1 - u) * mesh[j + 1][i][k] + u * mesh[j + 1][i + 1][k]);
    });
  }
  function where(col, row) {
    if (col < 0 || row < 0 || col > width || row > height) { return word("outside"); }
    if (!data.lonlat) { return number(col, 0) + ", " + number(row, 0) + "\u00a0" + word("px"); }
    var found = lonlat(col, row);
    // the mesh goes on beyond 180 at the antimeridian
    var east = found[0] > 180 ? found[0] - 360 : found[0];
    return found[1].toFixed(5) + ", " + east.toFixed(5);
  }
  map.on("mousemove", function (event) {
    place.textContent = where(event.latlng.lng, -event.latlng.lat);
  });

  // Shapes.
  function ring(steps) {
    var x = 0, y = 0, points = [];
    for (var k = 0; k < steps.length; k += 2) {
      x += steps[k];
      y += steps[k + 1];
      points.push([-y / STEPS, x / STEPS]);
    }
    return points;
  }

  function rows(pairs) {
    var list = element("dl", null, "facts");
    pairs.forEach(function (pair) {
      if (pair[1] === "" || pair[1] === null) { return; }
      list.append(element("dt", pair[0]));
      var value = element("dd");
      value.append(pair[2] ? changedet.foreign(pair[1]) : document.createTextNode(pair[1]));
      list.append(value);
    });
    return list;
  }

  function area(square) {
    return square === null ? "" : number(square, 0) + "\u00a0" + word("m") + "²";
  }

  // A building before and after, cut out of the pictures of the page or of its tiles.
  function chip(source, corners, outlined) {
    var picture = element("canvas");
    var points = corners.map(function (p) { return [p[1], -p[0]]; });
    var left = Math.min.apply(null, points.map(function (p) { return p[0]; }));
    var right = Math.max.apply(null, points.map(function (p) { return p[0]; }));
    var top = Math.min.apply(null, points.map(function (p) { return p[1]; }));
    var bottom = Math.max.apply(null, points.map(function (p) { return p[1]; }));
    var side = Math.max(1.8 * Math.max(right - left, bottom - top), 40);
    var x = (left + right - side) / 2, y = (top + bottom - side) / 2;
    var dots = 132 * Math.min(2, window.devicePixelRatio || 1), zoom = dots / side;
    picture.width = picture.height = dots;
    var pen = picture.getContext("2d");
    function outline() {
      pen.beginPath();
      points.forEach(function (p) { pen.lineTo((p[0] - x) * zoom, (p[1] - y) * zoom); });
      pen.closePath();
      pen.lineWidth = dots / 60;
      pen.strokeStyle = "#000";
      pen.stroke();
      pen.lineWidth = dots / 110;
      pen.strokeStyle = "#fff";
      pen.stroke();
    }
    function paint(image, wide, at, size) {
      image.onload = function () {
        pen.drawImage(image, (at[0] - x) * zoom, (at[1] - y) * zoom, size[0] * zoom, size[1] * zoom);
        if (outlined) { outline(); }
      };
    }
    if (data.tiles) {
      var edge = data.tiles.size;
      for (var row = Math.floor(y / edge); row * edge < y + side; row += 1) {
        for (var col = Math.floor(x / edge); col * edge < x + side; col += 1) {
          if (!present(source, data.tiles.zmax, col, row)) { continue; }
          var part = new Image();
          paint(part, edge, [col * edge, row * edge], [edge, edge]);
          part.src = address(source, data.tiles.zmax, col, row);
        }
      }
    } else {
      var whole = new Image();
      paint(whole, width, [0, 0], [width, height]);
      whole.src = data.pair[source];
    }
    return picture;
  }

  function chips(corners) {
    var pair = element("div", null, "chips");
    [["before", word("chip-before"), true], ["after", word("chip-after"), true]].forEach(function (one) {
      var figure = element("figure");
      var picture = chip(one[0], corners, one[2]);
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", one[1]);
      figure.append(picture, element("figcaption", one[1]));
      pair.append(figure);
    });
    return pair;
  }

  var list = data.buildings;
  var shapes = { buildings: L.layerGroup(), ties: L.layerGroup() };
  var outlines = list.ring.map(function (steps, k) {
    var style = data.grades[list.grade[k]];
    var shape = L.polygon(ring(steps), {
      renderer: canvas, color: style.colour, weight: style.width + 0.4, dashArray: style.dash || null,
      fillColor: style.colour, fillOpacity: list.grade[k] === 0 ? 0.22 : 0.04
    });
    shape.bindPopup(function () {
      var card = element("div", null, "card");
      var title = element("h3", word("building") + " ");
      title.append(changedet.foreign(list.id[k]));
      card.append(title, chips(ring(steps)), rows([
        [word("grade"), word("grades")[list.grade[k]]],
        [word("probability"), list.probability[k] === null ? "" : number(list.probability[k], 2, true)],
        [word("evidence"), list.evidence[k] === null ? "" : number(list.evidence[k], 2, true)],
        [word("lost-share"), list.lost[k] === null ? "" : percent(list.lost[k])],
        [word("area"), area(list.area[k])],
        [word("reason"), list.reason[k], true]
      ]));
      return card;
    }, { maxWidth: 320, minWidth: 250 });
    return shape;
  });
  // The gravest last, so that nothing hides them.
  outlines.map(function (shape, k) { return [list.grade[k], shape]; })
    .sort(function (a, b) { return b[0] - a[0]; })
    .forEach(function (pair) { shapes.buildings.addLayer(pair[1]); });

  data.fields.forEach(function (_, number_) {
    var group = shapes["cells-" + number_] = L.layerGroup();
    data.cells.forEach(function (cell, k) {
      var value = cell.shares[number_];
      L.polygon(ring(cell.ring), {
        renderer: canvas, color: "#fff", weight: 1.5,
        fillColor: value === null ? "#888" : data.ramp[Math.round(value * (data.ramp.length - 1))],
        fillOpacity: value === null ? 0.15 : 0.25 + 0.4 * value
      }).bindPopup(function () { return cellCard(k); }, { maxWidth: 300 }).addTo(group);
    });
  });
  function cellCard(k) {
    var cell = data.cells[k], card = element("div", null, "card");
    var title = element("h3", word("cell") + " ");
    title.append(changedet.foreign(cell.id));
    card.append(title, rows([[word("analysed"), percent(cell.analysed)]].concat(
      data.fields.map(function (_, n) {
        return [word("fields")[n], percent(cell.shares[n]) +
          (cell.areas[n] === null ? "" : " · " + number(cell.areas[n], 3) + "\u00a0" + word("ha"))];
      }))));
    return card;
  }

  function tie(point) {
    var at = [-point[1], point[0]], arm = 4 / Math.pow(2, 1);
    var popup = function () {
      var card = element("div", null, "card");
      card.append(element("h3", word("tie-point")), rows([
        ["", [word("not-in-fit"), word("in-fit"), word("held-out")][point[5]]],
        [word("displacement"), number(point[2], 2) + ", " + number(point[3], 2) + "\u00a0" + word("px")],
        [word("residual"), point[4] < 0 ? "" : number(point[4], 2) + "\u00a0" + word("px")]
      ]));
      return card;
    };
    if (point[5] === 0) {
      return L.polyline([[[at[0] - arm, at[1] - arm], [at[0] + arm, at[1] + arm]],
        [[at[0] - arm, at[1] + arm], [at[0] + arm, at[1] - arm]]],
      { renderer: canvas, color: "#d55e00", weight: 2 }).bindPopup(popup);
    }
    return L.circleMarker(at, {
      renderer: canvas, radius: 3.5, color: "#000", weight: 1, fillOpacity: 1,
      fillColor: point[5] === 1 ? "#56b4e9" : "#f0e442"
    }).bindPopup(popup);
  }

  data.layers.forEach(function (layer) { shapes[layer.name] = raster(layer.name, layer.uri, "rasters"); });

  var strength = box.querySelector("[data-strength]");
  function update() {
    var on = {};
    box.querySelectorAll("[data-show]").forEach(function (tick) {
      var name = tick.dataset.show, layer = shapes[name];
      if (!layer) { return; }
      if (tick.checked && name === "ties" && !layer.getLayers().length) {
        data.ties.forEach(function (point) { layer.addLayer(tie(point)); });
      }
      if (tick.checked !== map.hasLayer(layer)) {
        if (tick.checked) { layer.addTo(map); } else { layer.remove(); }
      }
      if (tick.checked) { on[name] = true; }
    });
    map.getPane("rasters").style.opacity = String(strength.value / 100);
    var seen = {
      buildings: on.buildings, classes: on.classes, evidence: on.structural || on.pixel,
      cells: on["cells-0"] || on["cells-1"], ties: on.ties
    };
    box.querySelectorAll("[data-legend]").forEach(function (legend) {
      legend.hidden = !seen[legend.dataset.legend];
    });
  }
  if (strength) {
    box.querySelectorAll("fieldset input").forEach(function (input) {
      input.addEventListener("input", update);
    });
  }

  var zoom = null;
  function controls() {
    if (zoom) { zoom.remove(); }
    zoom = L.control.zoom({ position: "bottomright", zoomInTitle: word("zoom-in"), zoomOutTitle: word("zoom-out") }).addTo(map);
    scale();
    divide(share);
    map.closePopup();
  }
  function fit() {
    // The whole picture, in a frame of its own shape.
    map.invalidateSize({ animate: false });
    map.setMinZoom(-12);
    map.fitBounds(bounds, { animate: false, padding: [0, 0] });
    map.setMinZoom(map.getZoom() - 0.5);
    map.setMaxBounds(L.latLngBounds(bounds).pad(0.3));
    cut();
    scale();
  }
  // A tall picture gets a frame with room beside it, to move in, where there is any.
  var least = box.clientWidth < 600 ? 0.8 : 1.3;
  stage.style.setProperty("--ratio", String(Math.max(width / height, least)));
  map.on("move zoom viewreset resize", cut);
  map.on("zoomend resize", scale);
  map.on("zoomend", function () {
    box.classList.toggle("close-up", map.getZoom() >= finest - 1);
  });
  map.on("focus", function () { map.scrollWheelZoom.enable(); });
  map.on("blur", function () { map.scrollWheelZoom.disable(); });
  map.on("click", function () { map.scrollWheelZoom.enable(); });
  box.querySelector("[data-fit]").addEventListener("click", fit);
  var full = box.querySelector("[data-full]");
  if (document.fullscreenEnabled) {
    full.hidden = false;
    full.addEventListener("click", function () {
      if (document.fullscreenElement) { document.exitFullscreen(); } else { box.requestFullscreen(); }
    });
    document.addEventListener("fullscreenchange", function () { setTimeout(fit, 60); });
  }
  fit();
  if (strength) { update(); }
  controls();
  changedet.onSpeak(controls);

  // What the tables ask of the map.
  changedet.showBuilding = function (k) {
    var tick = box.querySelector("[data-show=buildings]");
    tick.checked = true;
    update();
    stage.scrollIntoView({ block: "center", behavior: quiet ? "auto" : "smooth" });
    map.fitBounds(outlines[k].getBounds().pad(2), { maxZoom: finest - 1, animate: false });
    outlines[k].openPopup();
  };
  changedet.showCell = function (k) {
    var tick = box.querySelector("[data-show=cells-0]");
    if (!tick) { return; }
    tick.checked = true;
    update();
    stage.scrollIntoView({ block: "center", behavior: quiet ? "auto" : "smooth" });
    var shape = shapes["cells-0"].getLayers()[k];
    map.fitBounds(shape.getBounds().pad(0.3), { animate: false });
    shape.openPopup();
  };
})();

// The live swipe of a result: before on the left of the divider, after and a layer on its right.
// All texts and pictures come from the model; nothing is fetched.

const STEP = 2;
const LEAP = 10;

function make(tag, name, parent) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (parent) parent.append(node);
  return node;
}

function clamp(value) {
  return Math.min(100, Math.max(0, value));
}

function moveByKey(key, shift, from) {
  const step = shift ? LEAP : STEP;
  const moves = {
    ArrowLeft: from - step,
    ArrowDown: from - step,
    ArrowRight: from + step,
    ArrowUp: from + step,
    PageDown: from - LEAP,
    PageUp: from + LEAP,
    Home: 0,
    End: 100,
  };
  return key in moves ? clamp(moves[key]) : null;
}

function render({ model, el }) {
  const texts = model.get("texts");
  const root = make("div", "changedet-swipe", el);
  root.lang = model.get("lang");
  // Without this JupyterLab would take the arrow keys for its own.
  root.dataset.lmSuppressShortcuts = "true";

  const notice = model.get("notice");
  if (notice) make("p", "cs-notice", root).textContent = notice;

  const stage = make("div", "cs-stage", root);
  stage.style.width = `${model.get("width")}px`;
  stage.style.aspectRatio = String(model.get("aspect"));
  const after = make("img", "cs-after", stage);
  const over = make("img", "cs-layer", stage);
  const before = make("img", "cs-before", stage);
  for (const [image, name] of [[after, "after"], [before, "before"]]) {
    image.draggable = false;
    image.alt = texts[`alt_${name}`];
    image.src = model.get(name);
  }
  for (const side of ["before", "after"]) {
    const tag = make("span", "cs-tag", stage);
    tag.dataset.side = side;
    tag.textContent = texts[side];
    tag.setAttribute("aria-hidden", "true");
  }
  const divider = make("div", "cs-divider", stage);
  divider.tabIndex = 0;
  for (const [name, value] of [
    ["role", "slider"],
    ["aria-orientation", "horizontal"],
    ["aria-valuemin", "0"],
    ["aria-valuemax", "100"],
    ["aria-label", texts.divider],
  ]) {
    divider.setAttribute(name, value);
  }

  const tools = make("div", "cs-tools", root);
  const layers = model.get("layers");
  const chooseLabel = make("label", "", tools);
  make("span", "", chooseLabel).textContent = texts.layer;
  const choose = make("select", "", chooseLabel);
  for (const name of ["", ...Object.keys(layers)]) {
    const option = make("option", "", choose);
    option.value = name;
    option.textContent = name ? layers[name].label : texts.none;
  }
  const opacityLabel = make("label", "", tools);
  make("span", "", opacityLabel).textContent = texts.opacity;
  const opacity = make("input", "", opacityLabel);
  Object.assign(opacity, { type: "range", min: "0", max: "1", step: "0.05" });
  const legend = make("div", "cs-legend", root);

  function showPosition() {
    const at = clamp(model.get("position"));
    before.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
    divider.style.left = `${at}%`;
    divider.setAttribute("aria-valuenow", String(Math.round(at)));
    divider.setAttribute("aria-valuetext", texts.value.replace("{}", String(Math.round(at))));
  }

  function showLayer() {
    const name = model.get("layer");
    const layer = layers[name];
    over.hidden = !layer;
    over.alt = layer ? layer.alt : "";
    if (layer) over.src = layer.picture;
    over.style.opacity = String(model.get("opacity"));
    opacity.value = String(model.get("opacity"));
    opacity.disabled = !layer;
    choose.value = layer ? name : "";
    legend.replaceChildren();
    for (const [label, background] of layer ? layer.legend : []) {
      const item = make("span", "", legend);
      make("i", "", item).style.background = background;
      item.append(label);
    }
  }

  // Drags come faster than a kernel wants to hear of them: one message a frame.
  let waiting = 0;
  function tell() {
    if (waiting) return;
    waiting = requestAnimationFrame(() => {
      waiting = 0;
      model.save_changes();
    });
  }

  function moveTo(position) {
    model.set("position", clamp(position));
    tell();
  }

  function moveToPointer(event) {
    const box = stage.getBoundingClientRect();
    if (box.width) moveTo((100 * (event.clientX - box.left)) / box.width);
  }

  let dragged = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragged = event.pointerId;
    stage.setPointerCapture(dragged);
    divider.focus({ preventScroll: true });
    moveToPointer(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (event.pointerId === dragged) moveToPointer(event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      if (event.pointerId === dragged) dragged = null;
    });
  }
  divider.addEventListener("keydown", (event) => {
    const position = moveByKey(event.key, event.shiftKey, model.get("position"));
    if (position === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    moveTo(position);
  });
  choose.addEventListener("change", () => {
    model.set("layer", choose.value);
    model.save_changes();
  });
  opacity.addEventListener("input", () => {
    model.set("opacity", Number(opacity.value));
    tell();
  });

  model.on("change:position", showPosition);
  model.on("change:layer", showLayer);
  model.on("change:opacity", showLayer);
  showPosition();
  showLayer();
  return () => {
    cancelAnimationFrame(waiting);
    model.off("change:position", showPosition);
    model.off("change:layer", showLayer);
    model.off("change:opacity", showLayer);
  };
}

export default { render };

"""Registration against known displacements, and on real pairs with a known affine or shift.

Ours and the usual methods on the same images in the same run. Errors are distances from the truth
on a grid of 16 pixels, in pixels of AFTER.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.registration import phase_cross_correlation

from tests.benchmarks.displacements import (
    CASES,
    Base,
    Case,
    Image,
    Known,
    Locate,
    Made,
    bases,
    known_pairs,
    make,
)
from tests.benchmarks.metrics import Array, endpoint_error
from tests.benchmarks.table import markdown, median, number, percent, plain

VARIABLE = "CHANGEDET_BENCH_DATA"
NEAR_PX = 5.0
"""Error up to which a pair of the affine set counts as registered."""
PAIRS = "pairs"
OURS = "changedet"

Bytes = NDArray[np.uint8]
Row = dict[str, Any]


def dis(before: Bytes, after: Bytes) -> Locate:
    """Dense inverse search optical flow (Kroeger et al. 2016), OpenCV's medium preset."""
    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    flow = finder.calc(before, after, None)

    def locate(cols: Array, rows: Array) -> tuple[Array, Array]:
        at = [p.astype(np.float32).reshape(1, -1) for p in (cols, rows)]
        moved = cv2.remap(flow, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        return cols + moved[:, 0], rows + moved[:, 1]

    return locate


def sift(before: Bytes, after: Bytes) -> Locate:
    """SIFT, Lowe's ratio test at 0.8 and a homography by MAGSAC++."""
    finder = cv2.SIFT_create(nfeatures=8000)  # type: ignore[attr-defined]
    (keys, words), (other_keys, other_words) = (
        finder.detectAndCompute(image, None) for image in (before, after)
    )
    if words is None or other_words is None or min(len(words), len(other_words)) < 4:
        raise ValueError("too few features")
    pairs = [m for m in cv2.BFMatcher().knnMatch(words, other_words, k=2) if len(m) == 2]
    good = [first for first, second in pairs if first.distance < 0.8 * second.distance]
    if len(good) < 4:
        raise ValueError("too few matches")
    source = np.array([keys[m.queryIdx].pt for m in good])
    target = np.array([other_keys[m.trainIdx].pt for m in good])
    found = cv2.findHomography(source, target, cv2.USAC_MAGSAC, 1.0, maxIters=10_000)[0]
    if found is None:
        raise ValueError("no homography")
    return _by_matrix(np.asarray(found, float))


def ecc(before: Bytes, after: Bytes) -> Locate:
    """ECC (Evangelidis and Psarakis 2008), affine, over four levels of a pyramid."""
    pyramid = [(before, after)]
    for _ in range(3):
        first, second = (cv2.pyrDown(image) for image in pyramid[-1])
        pyramid.append((np.asarray(first, np.uint8), np.asarray(second, np.uint8)))
    warp = np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-6)
    for number_of_level, (first, second) in enumerate(reversed(pyramid)):
        if number_of_level:
            warp[:, 2] *= 2
        everywhere = np.full(first.shape, 255, np.uint8)
        cv2.findTransformECC(first, second, warp, cv2.MOTION_AFFINE, until, everywhere, 5)
    return _by_matrix(np.vstack([warp, [0, 0, 1]]))


def pcc(before: Bytes, after: Bytes) -> Locate:
    """One shift by phase correlation (Guizar-Sicairos et al. 2008), to a hundredth of a pixel."""
    found = phase_cross_correlation(before, after, upsample_factor=100)  # type: ignore[no-untyped-call]
    down, right = found[0]
    return lambda cols, rows: (cols - right, rows - down)


def pystackreg(before: Bytes, after: Bytes) -> Locate:
    """TurboReg's affine (Thevenaz et al. 1998) as pystackreg has it."""
    from pystackreg import StackReg  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return _by_matrix(np.asarray(StackReg(StackReg.AFFINE).register(before, after), float))


PEERS: dict[str, Callable[[Bytes, Bytes], Locate]] = {
    "dis": dis,
    "sift": sift,
    "ecc": ecc,
    "pcc": pcc,
    "pystackreg": pystackreg,
}


def _by_matrix(matrix: Array) -> Locate:
    def locate(cols: Array, rows: Array) -> tuple[Array, Array]:
        x, y, w = matrix @ np.stack([cols, rows, np.ones_like(cols)])
        return x / w, y / w

    return locate


def run_peer(name: str, before: Image, after: Image) -> tuple[Locate | None, float, str]:
    """Run a peer on 8-bit images; return its answer, CPU seconds and its complaint.

    What is not there gets the mean: none of them takes a mask. All but SIFT want one size.
    """
    shape = after.shape if name == "sift" else before.shape
    zoom = shape[1] / after.shape[1], shape[0] / after.shape[0]
    began = time.process_time()
    try:
        second = cv2.resize(_bytes(after), shape[::-1], interpolation=cv2.INTER_CUBIC)
        found = PEERS[name](_bytes(before), np.asarray(second, np.uint8))
    except (cv2.error, ValueError, np.linalg.LinAlgError, RuntimeError) as error:
        return None, time.process_time() - began, str(error).splitlines()[0][:80]
    spent = time.process_time() - began

    def locate(cols: Array, rows: Array) -> tuple[Array, Array]:
        col, row = found(cols, rows)
        return (col + 0.5) / zoom[0] - 0.5, (row + 0.5) / zoom[1] - 0.5

    return locate, spent, ""


def _bytes(image: Image) -> Bytes:
    filled = np.where(np.isfinite(image), image, np.nanmean(image))
    if filled.max() > 255:  # more than 8 bit
        low, high = np.percentile(filled, [0.5, 99.5])
        filled = (filled - low) / max(high - low, 1e-9) * 255
    return filled.clip(0, 255).astype(np.uint8)


def run_ours(before: Image, after: Image) -> tuple[Any, float]:
    """Return our alignment and its CPU seconds."""
    import changedet

    began = time.process_time()
    alignment = changedet.register(before, after)
    return alignment, time.process_time() - began


def measure(base: Base, case: Case, peers: Sequence[str]) -> Iterator[Row]:
    """Make a pair and measure every method on it, ours first."""
    made = make(base, case)
    alignment, spent = run_ours(made.before, made.after)
    row = {"image": base.name, "case": case.name, "method": OURS, "cpu_s": spent}
    row["note"] = " ".join(f.code for f in alignment.findings)
    row["refused"] = alignment.refused
    if case.refuse:
        yield row | {"failed": not alignment.refused}
        return
    yield (
        row
        | made.figures(None if alignment.refused else alignment.to_after)
        | _own(made, alignment)
    )
    for name in peers:
        locate, spent, note = run_peer(name, made.before, made.after)
        row = {"image": base.name, "case": case.name, "method": name, "cpu_s": spent}
        yield row | {"note": note} | made.figures(locate)


def _own(made: Made, alignment: Any) -> Row:
    """Return what an alignment says of itself, and the share of places that are as it says."""
    if alignment.refused:
        return {}
    col, row = alignment.to_after(made.cols, made.rows)
    error = np.hypot(col - made.truth[0], row - made.truth[1]) / made.scale
    predicted = alignment.error_px(made.cols, made.rows)
    seen = ~made.replaced
    own = {
        "covered": float((error[seen] <= alignment.ce90_px).mean()),
        "ce90_px": alignment.ce90_px,
        "rmse_px": alignment.rmse_px,
        "error_px": float(np.median(predicted[seen])),
        "rms_px": float(np.sqrt(np.mean(error[seen] ** 2))),
        "model": alignment.model,
        "ties": int((alignment.tie_points.role > 0).sum()),
    }
    if made.replaced.any():  # two standard deviations
        own["inside_covered"] = float((error <= 2 * predicted)[made.replaced].mean())
    return own


def measure_pair(pair: Known, peers: Sequence[str]) -> Iterator[Row]:
    """Measure every method on a real pair whose affine is known."""
    lines = [np.linspace(0, n - 1, 17) for n in pair.before.shape[::-1]]
    cols, rows = (p.ravel() for p in np.meshgrid(*lines))
    given = _by_matrix(np.vstack([pair.affine, [0, 0, 1]]))
    col, row = given(cols, rows)
    inside = (col >= 0) & (row >= 0) & (col < pair.after.shape[1]) & (row < pair.after.shape[0])
    truth = np.where(inside, col, np.nan), np.where(inside, row, np.nan)
    alignment, spent = run_ours(pair.before, pair.after)
    note = " ".join(f.code for f in alignment.findings)
    answers = [(OURS, None if alignment.refused else alignment.to_after, spent, note)]
    answers += [(name, *run_peer(name, pair.before, pair.after)) for name in peers]
    for name, locate, cpu, said in answers:
        error = {"median": float("nan"), "p95": float("nan")}
        if locate is not None:
            error = endpoint_error(locate(cols, rows), truth)
        better = locate is not None and pair.alike(locate) > pair.alike(given)
        one: Row = {"group": pair.group, "item": pair.item, "method": name, "cpu_s": cpu}
        one |= {"median_px": error["median"], "p95_px": error["p95"], "note": said}
        one |= {"near": error["median"] <= NEAR_PX, "refused": locate is None}
        yield one | {"better": better}


def main(argv: Sequence[str]) -> int:
    """Measure the cases, print the tables, write them where ``--output`` says."""
    wishes = _parser().parse_args(argv)
    cv2.setNumThreads(1)  # CPU seconds that can be compared
    place = os.environ.get(VARIABLE)
    data = Path(place) if place and Path(place).is_dir() else None
    if data is None and (wishes.images != "sim" or PAIRS in wishes.cases):
        _say(f"no real images: {VARIABLE} names no folder")
    peers = _peers() if wishes.peers else []
    cases = [CASES[name] for name in wishes.cases if name != PAIRS]
    sources = bases(
        simulated=wishes.seeds if cases and wishes.images != "real" else 0,
        real=wishes.seeds if cases and wishes.images != "sim" else 0,
        data=data,
        held_back=wishes.held_back,
    )
    rows: list[Row] = []
    for base in sources:
        for case in cases:
            rows += measure(base, case, peers)
            ours = _of(rows, method=OURS)[-1]
            said = f"{number(ours.get('median_px'), 3)} px {ours['note']}"
            _say(f"{base.name} {case.name}: {said}{' FAILED' if ours['failed'] else ''}")
    pairs: list[Row] = []
    if data is not None and PAIRS in wishes.cases:
        few = [name for name in ("sift", "pcc") if name in peers]
        pairs = [row for pair in known_pairs(data) for row in measure_pair(pair, few)]
    text = _report(rows, pairs, held_back=wishes.held_back)
    print(text)  # noqa: T201
    if wishes.output is not None:
        facts = {"held_back": wishes.held_back, "rows": rows, "pairs": pairs}
        _write(wishes.output, text, facts | {"cases": [asdict(case) for case in cases]})
    return 0


def _write(folder: Path, text: str, facts: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "register.md").write_text(text, encoding="utf-8")
    (folder / "register.json").write_text(json.dumps(plain(facts), indent=1), "utf-8")
    if any("median_px" in row for row in facts["rows"]):
        _draw(facts["rows"], folder / "register.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks register", description=__doc__
    )
    add = parser.add_argument
    names = [*CASES, PAIRS]
    add("--cases", nargs="+", choices=names, default=names, metavar="CASE",
        help=f"of {', '.join(names)} (real pairs with a known affine or shift)")  # fmt: skip
    add("--images", choices=("sim", "real", "all"), default="all")
    add("--seeds", type=int, default=1, metavar="N", help="simulated images, and real ones")
    add("--held-back", action="store_true", help="the images that quoted figures come from")
    add("--peers", action=argparse.BooleanOptionalAction, default=True)
    add("--output", type=Path, metavar="DIR", help="write tables, rows and figure there")
    return parser


def _peers() -> list[str]:
    if find_spec("pystackreg") is not None:
        return list(PEERS)
    _say("pystackreg is not installed: left out")
    return [name for name in PEERS if name != "pystackreg"]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _of(rows: Sequence[Row], **wanted: str) -> list[Row]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def _middle(rows: Sequence[Row]) -> str:
    """Return the median error over images, and how many failed where any did."""
    known, failed = median(row["median_px"] for row in rows), sum(row["failed"] for row in rows)
    return number(known, 3) + (f" ({failed} of {len(rows)} failed)" if failed else "")


def _report(rows: Sequence[Row], pairs: Sequence[Row], *, held_back: bool) -> str:
    kind = "held-back" if held_back else "development (not for quoting)"
    images = ", ".join(dict.fromkeys(row["image"] for row in rows))
    parts = [f"# Registration against known displacements\n\nImages: {kind}: {images or 'none'}."]
    if rows:
        parts += [_case_table(rows), _summary(rows)]
    if pairs:
        parts.append(_pair_table(pairs))
    return "\n\n".join(parts) + "\n"


def _case_table(rows: Sequence[Row]) -> str:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    head = ["case", "target", OURS, "p95", "covered", "ce90", "error_px", "CPU s", "model"]
    lines = []
    for name in dict.fromkeys(row["case"] for row in rows):
        ours = _of(rows, case=name, method=OURS)
        case, line = CASES[name], [name, number(CASES[name].target, 3)]
        if case.refuse:
            said = sorted({row["note"] or "NOT REFUSED" for row in ours})
            lines.append([*line, ", ".join(said), *[""] * (len(head) + len(methods) - 4)])
            continue
        line += [_middle(ours), number(median(r.get("p95_px") for r in ours), 3)]
        line.append(percent(median(r.get("covered") for r in ours)))
        line += [number(median(r.get(k) for r in ours), 3) for k in ("ce90_px", "error_px")]
        line.append(number(median(r["cpu_s"] for r in ours)))
        line.append(", ".join(sorted({r.get("model", "refused") for r in ours})))
        line += [_middle(_of(rows, case=name, method=m)) for m in methods[1:]]
        lines.append(line)
    table = markdown([*head, *methods[1:]], lines)
    return f"Median error, pixels of AFTER (median over the images).\n\n{table}"


def _summary(rows: Sequence[Row]) -> str:
    good = [row for row in rows if not CASES[row["case"]].refuse]
    ours, lines = median(row["cpu_s"] for row in _of(good, method=OURS)), []
    for name in dict.fromkeys(row["method"] for row in good):
        mine = _of(good, method=name)
        failed, spent = sum(row["failed"] for row in mine), median(row["cpu_s"] for row in mine)
        covered = [r["covered"] for r in mine if r.get("covered") is not None]
        inside = median(r.get("inside_median_px") for r in mine)
        lines.append([name, f"{failed} of {len(mine)}", number(spent),
                      number(spent and ours and ours / spent),
                      percent(np.mean(covered)) if covered else "", number(inside)])  # fmt: skip
    head = ["method", "failed", "CPU s", "ours / its CPU", "covered", "inside the replaced, px"]
    wrong = sum(r["failed"] for r in rows if CASES[r["case"]].refuse)
    return f"{markdown(head, lines)}\n\nWrongly accepted: {wrong}."


def _pair_table(pairs: Sequence[Row]) -> str:
    lines = []
    for group in dict.fromkeys(row["group"] for row in pairs):
        for name in dict.fromkeys(row["method"] for row in pairs):
            mine = _of(pairs, group=group, method=name)
            near = [row for row in mine if row["near"]]
            wrong = [row for row in mine if not row["near"] and not row["refused"]]
            better = sum(row["better"] for row in wrong)
            lines.append([group, name, f"{len(near)} of {len(mine)}", f"{len(wrong)} ({better})",
                          str(sum(row["refused"] for row in mine)),
                          number(median(row["median_px"] for row in near), 3),
                          number(median(row["cpu_s"] for row in mine))])  # fmt: skip
    head = ["pairs", "method", f"within {NEAR_PX:g} px", "further (more alike than by reference)"]
    return markdown([*head, "refused", "median px", "CPU s"], lines)


def _draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the median error of every method by case."""
    from matplotlib.figure import Figure

    from tests.benchmarks.chart import COLOURS, MARKERS

    good = [row for row in rows if not CASES[row["case"]].refuse]
    names = list(dict.fromkeys(row["case"] for row in good))
    axis = (figure := Figure(figsize=(11, 5), layout="constrained")).subplots()
    for index, method in enumerate(dict.fromkeys(row["method"] for row in good)):
        middles = [median(r["median_px"] for r in _of(good, case=n, method=method)) for n in names]
        shown = [np.nan if m is None else min(max(m, 1e-3), 100) for m in middles]
        axis.plot(range(len(names)), shown, MARKERS[index], color=COLOURS[index], label=method)
    axis.plot(range(len(names)), [CASES[n].target for n in names], "_", color="0.3", label="target",
              markersize=14)  # fmt: skip
    axis.set_xticks(range(len(names)), names, rotation=60)
    axis.set(yscale="log", ylabel="median error, pixels of AFTER", title="Registration error")
    axis.legend(ncols=2)
    figure.savefig(path, dpi=110)

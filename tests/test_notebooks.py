"""Notebooks run from top to bottom, agree with their text twins, and show what they compute."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = ("many_towns", "one_pair", "why_this_threshold")
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
MOST_BYTES = 900_000


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def outputs(book: Any) -> list[Any]:
    return [output for cell in book.cells for output in cell.get("outputs", ())]


def told(book: Any) -> list[str]:
    """Return what the cells say in words: printed, and as Markdown."""
    found = []
    for output in outputs(book):
        if output.output_type == "stream":
            found.append(output.text)
        elif "text/markdown" in output.get("data", {}):
            found.append(output.data["text/markdown"])
    return found


def test_these_are_the_notebooks() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_agrees_with_its_twin(name: str) -> None:
    cells = [(cell.cell_type, cell.source) for cell in read(name).cells]
    assert cells == load_script().read_twin(FOLDER / f"{name}.py")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_of_a_run_is_clean_and_small(name: str) -> None:
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < MOST_BYTES
    book = read(name)
    for output in outputs(book):
        assert output.output_type != "error"
        assert output.get("name") != "stderr"
        texts = [output.get("text", ""), *(output.get("data") or {}).values()]
        for text in texts:
            assert not re.search(r"/(tmp|home|root|usr|Users|opt)/|Warning:", str(text))
    assert any("image/jpeg" in (output.get("data") or {}) for output in outputs(book))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the Jupyter machinery in this process; not of the kernel
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_says_what_it_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    script = load_script()
    book = script.execute(script.make_notebook(FOLDER / f"{name}.py"))
    errors = [o for o in outputs(book) if o.output_type == "stream" and o.name == "stderr"]
    assert errors == []
    kept, now = told(read(name)), told(book)
    again = "run notebooks/execute.py again and read what changed"
    assert len(kept) == len(now)
    for old, new in zip(kept, now, strict=True):
        # Libraries of another version may move the last digit.
        assert NUMBER.sub("#", old) == NUMBER.sub("#", new), again
        first, second = ([float(n.replace(",", "")) for n in NUMBER.findall(t)] for t in (old, new))
        assert first == pytest.approx(second, rel=0.05, abs=0.03), again

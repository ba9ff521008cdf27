"""Notebooks run from top to bottom, and agree with their text twins."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read_twin(path: Path) -> list[tuple[str, str]]:
    """Read the cells of a jupytext percent script."""
    cells = []
    for piece in path.read_text("utf-8").split("\n# %%")[1:]:
        mark, _, body = piece.partition("\n")
        text = body.strip()
        if "[markdown]" in mark:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
        text = text.replace("# %matplotlib", "%matplotlib")  # a magic is a comment in the twin
        cells.append(("markdown" if "[markdown]" in mark else "code", text))
    return cells


def test_there_is_a_notebook() -> None:
    assert [path.name for path in NOTEBOOKS] == ["one_pair.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_agrees_with_its_twin(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    assert cells == read_twin(path.with_suffix(".py"))
    assert all(not cell.get("outputs") for cell in notebook.cells), "clear the outputs"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the Jupyter machinery in this process; not of the kernel
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=90, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert {"image/png", "text/html"} <= kinds
    errors = [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert errors == []

"""Write every notebook anew from its text twin, executed, with small pictures in it.

``python notebooks/execute.py [NAME ...]``; the tests hold text and results together.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
NAMES = ("one_pair", "why_this_threshold", "many_towns")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read_twin(path: Path) -> list[tuple[str, str]]:
    """Read the cells of a jupytext percent script: kind and source."""
    cells = []
    for piece in path.read_text("utf-8").split("\n# %%")[1:]:
        mark, _, body = piece.partition("\n")
        kind = "markdown" if "[markdown]" in mark else "code"
        prefix = "#" if kind == "markdown" else "# %"
        lines = [
            line.removeprefix(prefix).removeprefix(" ")
            if kind == "markdown"
            # a magic is a comment in the twin
            else line.replace("# %", "%", 1)
            if line.startswith(prefix)
            else line
            for line in body.strip().splitlines()
        ]
        cells.append((kind, "\n".join(lines)))
    return cells


def make_notebook(path: Path) -> nbformat.NotebookNode:
    """Return a notebook without outputs; its bytes depend on the twin alone."""
    book = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    for number, (kind, source) in enumerate(read_twin(path)):
        new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        book.cells.append(new(source, id=f"cell-{number:02d}"))
    return book


def execute(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run all cells, beside the notebook; times and paths of this machine are kept out."""
    client = NotebookClient(
        book,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()
    book.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return book


def main(names: list[str]) -> None:
    """Execute the notebooks named, or all."""
    for name in names or NAMES:
        book = execute(make_notebook(HERE / f"{name}.py"))
        nbformat.validate(book)
        target = HERE / f"{name}.ipynb"
        nbformat.write(book, target)
        print(f"{target.name}: {target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the source can say: string expressions of the package as templates, read from its syntax."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import changedet

PACKAGE = Path(changedet.__file__).parent
HOLE = "\0"
"""Stands for a value in a template, followed by its format and another hole sign."""
Scope = dict[str, list[ast.expr]]


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield node


def scope_of(function: ast.FunctionDef) -> Scope:
    """Everything that is assigned to a name in a function, in order."""
    found: Scope = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def nearest(node: ast.expr, scope: Scope) -> ast.expr:
    """Return what was last assigned to a name above the place where it is used."""
    if isinstance(node, ast.Name):
        above = [value for value in scope.get(node.id, ()) if value.lineno < node.lineno]
        return max(above, key=lambda value: value.lineno, default=node)
    return node


def expand(node: ast.expr, scope: Scope, depth: int = 0) -> list[str] | None:  # noqa: PLR0911
    """Return every text that an expression can be; None where the syntax alone does not tell."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        pieces = [_piece(part, scope, depth) for part in node.values]
        return ["".join(parts) for parts in itertools.product(*pieces)]
    if isinstance(node, ast.IfExp):
        both = expand(node.body, scope, depth), expand(node.orelse, scope, depth)
        return None if None in both else [*(both[0] or []), *(both[1] or [])]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = expand(node.left, scope, depth), expand(node.right, scope, depth)
        if left is None or right is None:
            return None
        return [a + b for a, b in itertools.product(left, right)]
    if isinstance(node, ast.Name) and depth < 3 and node.id in scope:
        options = [expand(value, scope, depth + 1) for value in scope[node.id]]
        known = [text for option in options if option is not None for text in option]
        return known if None not in options else None
    return None


def _piece(part: ast.expr, scope: Scope, depth: int) -> list[str]:
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    assert isinstance(part, ast.FormattedValue)
    spec = ""
    if isinstance(part.format_spec, ast.JoinedStr):
        spec = "".join(str(piece.value) for piece in part.format_spec.values)  # type: ignore[attr-defined]
    known = None if spec else expand(part.value, scope, depth)
    return known if known is not None else [f"{HOLE}{spec}{HOLE}"]


def fill(template: str, values: dict[str, str]) -> str:
    """Put values into the holes of a template, by their format."""
    pieces = template.split(HOLE)
    pieces[1::2] = [values[spec] for spec in pieces[1::2]]
    return "".join(pieces)

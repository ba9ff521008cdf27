"""HTML files that need nothing else: templates, assets, and the policy that holds them to it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

import jinja2

from changedet.report import words


@cache
def asset(name: str) -> str:
    """Return a file of ``templates/`` as text."""
    return resources.files("changedet.report").joinpath("templates", name).read_text("utf-8")


@cache
def environment() -> jinja2.Environment:
    """Return what renders the templates: everything put into them is escaped."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("changedet.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["plain"] = words.plain
    return made


def policy(style: str, script: str, *, beside: str = "") -> str:
    """Return the content security policy: nothing but what the file holds.

    Parameters
    ----------
    style, script : str
        The one style sheet and the one script of the page.
    beside : str
        Further sources of pictures and scripts, such as ``" 'self'"``.
    """
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
        for text in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data: blob:{beside}; style-src 'sha256-{hashes[0]}';"
        f" script-src 'sha256-{hashes[1]}'{beside}; base-uri 'none'; form-action 'none'"
    )

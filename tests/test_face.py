"""``import changedet``: light, lazy, and complete."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import subprocess
import sys
from importlib import metadata
from types import ModuleType

import pytest

import changedet as cd

MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(cd.__path__, "changedet.")
    if name != "changedet.__main__"
)


@pytest.mark.parametrize("name", cd.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    assert getattr(cd, name) is not NotImplemented
    assert name in dir(cd)


def test_what_is_not_promised_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="hectares"):
        cd.hectares  # type: ignore[attr-defined] # noqa: B018


def test_names_are_loaded_when_they_are_used() -> None:
    code = (
        "import sys, json, changedet as cd; "
        "light = 'numpy' in sys.modules; cd.pixel; heavy = 'numpy' in sys.modules; "
        "print(json.dumps([light, heavy]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == [False, True]


def test_register_is_a_function_and_a_package() -> None:
    assert callable(cd.register)
    assert isinstance(importlib.import_module("changedet.register"), ModuleType)
    with pytest.raises(cd.InputError):
        cd.register("no-such-before.tif", "no-such-after.tif")


def test_version_is_that_of_the_distribution() -> None:
    assert metadata.version("changedet") == cd.__version__


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.failed == 0

"""The list of cases: twenty, each once, each by the name that the suite of the release has for it."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from core.codec import yaml
from tests.support.fixtures import kubernetes

SUITE = Path("src") / kubernetes.PACKAGE / "test/conformance/testdata/conformance.yaml"


def cases() -> list[str]:
    """By the marks of this folder's tests."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    found: list[Any] = [vars(importlib.import_module(f"{__package__}.{name}")).values() for name in modules]
    marks = [m for values in found for value in values for m in getattr(value, "pytestmark", ())]
    return [m.args[0] for m in marks if isinstance(m, pytest.Mark) and m.name == "conformance"]


def test_the_suite_knows_each() -> None:
    suite = yaml.load((kubernetes.source() / SUITE).read_bytes())
    assert isinstance(suite, list)
    assert set(cases()) <= {entry["testname"] for entry in suite}
    assert len(set(cases())) == len(cases()) == 20

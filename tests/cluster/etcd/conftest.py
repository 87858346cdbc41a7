"""A folder of etcd's members that ends with the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.etcd import Etcds


@pytest.fixture
def etcds(tmp_path: Path) -> Iterator[Etcds]:
    made = Etcds(tmp_path)
    yield made
    made.end()


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Etcds]:
    """The same, of members that let others come and go at any time."""
    made = Etcds(tmp_path, patient=False)
    yield made
    made.end()

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

"""A control group of its own for each test."""

import uuid
from collections.abc import Iterator

import pytest

from core.linux.cgroup import Tree


@pytest.fixture
def group() -> Iterator[str]:
    name = f"ichor-test-{uuid.uuid4().hex[:8]}"
    tree = Tree.detect()
    tree.make(name)
    yield name
    tree.kill(name)
    tree.remove(name)

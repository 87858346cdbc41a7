"""One node a test; its console is shown when the test fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pid1 import Node, node


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Node]:
    """A node with stand-ins for the daemons."""
    with node(tmp_path) as made:
        yield made
        print(made.console.read_text())

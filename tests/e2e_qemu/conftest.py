"""One virtual machine for each module: emulation is slow, and a machine takes many questions. The tests of a module go
in their order, each on what the one before left."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import vm


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The built image, and a hand in its initramfs."""
    made = vm.image(tmp_path_factory.mktemp("image"), hand=True)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Path]:
    """An image of its own, to be changed."""
    made = vm.image(tmp_path)
    yield made
    shutil.rmtree(made)

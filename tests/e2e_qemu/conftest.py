"""One virtual machine for each module: emulation is slow, and a machine takes many questions."""

from pathlib import Path

import pytest

from tests.support import vm


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built image, and a hand in its initramfs."""
    return vm.image(tmp_path_factory.mktemp("image"), hand=True)

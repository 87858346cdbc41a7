"""A container as a service of the node, with the image's own containerd and a real registry, in namespaces apart."""

import os
from pathlib import Path

import pytest

from tests.node.containers.apart import alone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


def test_a_container_outlives_machined_and_containerd_and_is_kept_up(tmp_path: Path, group: str) -> None:
    alone("serving", tmp_path, group)

"""The client against the image's own containerd, runc and CNI plugins, in namespaces apart."""

import os
from pathlib import Path

import pytest

from tests.node.containers.apart import alone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


def test_an_image_made_by_hand_runs_on_a_network_with_a_port(tmp_path: Path, group: str) -> None:
    alone("inside", tmp_path, group)

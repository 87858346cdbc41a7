"""Pulls by the image's own containerd from a real registry, in mount, network and pid namespaces apart."""

import os
from pathlib import Path

import pytest

from tests.node.containers.apart import alone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


def test_images_come_from_a_registry_whole_or_not_at_all(tmp_path: Path, group: str) -> None:
    alone("pulling", tmp_path, group)

"""Pulls by the image's own containerd from a real registry, in mount, network and pid namespaces apart."""

import os
from pathlib import Path

import pytest

from tests.node.containers.apart import alone
from tests.support.registry import program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


def test_images_come_from_a_registry_whole_or_not_at_all(tmp_path: Path, group: str) -> None:
    program()  # no network leads out of where it runs
    alone("pulling", tmp_path, group)


def test_a_config_says_where_and_how_registries_are_asked(tmp_path: Path, group: str) -> None:
    alone("registering", tmp_path, group)

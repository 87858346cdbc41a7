"""kill -9 of everything that may die on a node that runs a container, while its log and its events are followed."""

import random
from pathlib import Path

import pytest

from tests.support import cluster
from tests.support.cluster import Node
from tests.support.descriptors import QUIET, descriptors
from tests.support.pid1 import until
from tests.support.results import Record
from tests.support.siege import VICTIMS, siege


def test_each_dies_and_nobody_else(tmp_path: Path, record_result: Record) -> None:
    with cluster.running(tmp_path, "kills") as (node,):
        _besiege(node, tmp_path, ["machined", "containerd", "apid", "trustd", "spawner", "machined"], record_result)


@pytest.mark.slow
def test_fifty_die(tmp_path: Path, record_result: Record) -> None:
    order = random.Random(50)
    kills = [victim for _ in range(13) for victim in order.sample(sorted(VICTIMS), len(VICTIMS))][:50]
    with cluster.running(tmp_path, "fifty") as (node,):
        _besiege(node, tmp_path, kills, record_result)


def _unlisted(node: Node) -> dict[str, dict[str, int]]:
    """By daemon and kind, how many descriptors there are more than listed; fewer are negative."""
    found = {}
    for name, listed in QUIET.items():
        seen = descriptors(node.pid(name))
        if seen != listed:
            seen.subtract(listed)
            found[name] = {kind: number for kind, number in seen.items() if number}
    return found


def _besiege(node: Node, folder: Path, kills: list[str], record_result: Record) -> None:
    with siege(node, folder) as held:
        for victim in kills:
            if len(kills) > 10:
                held.rested(victim)
            held.strike(victim)
        held.end()
    try:
        until(lambda: not _unlisted(node), what="the listed descriptors alone")
    except AssertionError:
        raise AssertionError(f"open beyond the list, or missing: {_unlisted(node)}") from None
    for victim, result in held.results().items():
        record_result(victim, result)
        print(f"{victim}: {result}")

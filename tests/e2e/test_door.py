"""The doors of a node while their processes are killed and replaced: whoever comes on a new connection is received, by
the next process if there is none."""

from pathlib import Path
from typing import Final

import pytest

from core.config.client import Context
from tests.support import cluster
from tests.support.arriving import Arrivals, arriving
from tests.support.cluster import Home, Node
from tests.support.results import Record

VERSION, CERTIFICATE = "/machine.MachineService/Version", "/securityapi.SecurityService/Certificate"
APID, TRUSTD = "ichor-apid", "ichor-trustd"
STRANGER: Final = Context()


def _borne(arrivals: Arrivals) -> None:
    """A planned end, two deaths, one more planned."""
    for strike in (arrivals.replace, arrivals.kill, arrivals.kill, arrivals.replace):
        strike()


def test_nobody_is_refused(spare: Node, tmp_path: Path) -> None:
    with arriving(spare, APID, spare.endpoint, spare.context(), tmp_path, VERSION) as arrivals:
        _borne(arrivals)
    assert arrivals.refused == []


def test_nobody_is_refused_where_nodes_join(spare: Node, tmp_path: Path) -> None:
    """Without a token they are told so."""
    endpoint = f"{spare.address}:50001"
    with arriving(spare, TRUSTD, endpoint, STRANGER, tmp_path, CERTIFICATE, "Unauthenticated") as arrivals:
        _borne(arrivals)
    assert arrivals.refused == []


def test_no_stranger_is_refused_in_maintenance(tmp_path: Path) -> None:
    home, name = Home(tmp_path), cluster.unique("strange")
    try:
        node = Node(home, cluster.start(home, cluster.spec(name)))
        with arriving(node, APID, node.endpoint, STRANGER, tmp_path, VERSION) as arrivals:
            _borne(arrivals)
        assert arrivals.refused == []
    finally:
        cluster.remove(home)


@pytest.mark.slow
def test_nobody_is_refused_again_and_again(spare: Node, tmp_path: Path, record_result: Record) -> None:
    with arriving(spare, APID, spare.endpoint, spare.context(), tmp_path, VERSION) as arrivals:
        for number in range(20):
            arrivals.kill()
            if number % 4 == 0:
                arrivals.replace()
    assert arrivals.refused == []
    record_result("kills", len(arrivals.kills))
    record_result("calls, each on a new connection", len(arrivals.outcomes))
    record_result("refused", len(arrivals.refused))
    record_result("failed with the process that had accepted them", len(arrivals.in_flight))

"""Pods that serve while the node's own daemon dies under them, on three control planes and a worker."""

import os

import pytest

from tests.support import kubecluster, traffic
from tests.support.cluster import Node
from tests.support.kubecluster import Kubernetes, app, service
from tests.support.pid1 import until
from tests.support.results import Record

KILLS = 50
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="nodes need root"),
]


def test_fifty_dead_machineds_cost_no_request(fleet: Kubernetes, record_result: Record) -> None:
    """On each node in turn, one as soon as the one before is back; and no pod's container is another one afterwards."""
    served = kubecluster.spread(app("Deployment", "served", replicas=4))
    with fleet.having(served, service("served", type="NodePort"), app("DaemonSet", "callers")):
        fleet.rolled_out("deployment/served")
        fleet.rolled_out("daemonset/callers")
        containers = [fleet.containers(each) for each in ("served", "callers")]
        with traffic.running(fleet, "served", "callers") as flow:
            flow.progress()
            for number in range(KILLS):
                node = fleet.nodes[number % len(fleet.nodes)]
                _killed(node)
                flow.progress()
            for node in fleet.nodes:
                node.await_ready()
            flow.progress()
        assert [fleet.containers(each) for each in ("served", "callers")] == containers
    record_result("requests answered while machined died", sum(flow.answered.values()))
    record_result("lost", len(flow.failed))


def _killed(node: Node) -> None:
    """Its machined; on return the next one answers."""
    old = node.kill("ichor-machined")
    until(lambda: node.pid("ichor-machined") not in (0, old), 60, "another machined")
    node.await_answer()

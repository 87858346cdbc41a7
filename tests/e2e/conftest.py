"""Nodes to ask. The shared one is for tests that leave it as it was; the spare one for those that configure it or kill
parts of it, and leave it ready with the config it was made with; the fleet for slow ones that want a Kubernetes of
several nodes and leave it with these, all ready. Who wants more makes his own with `tests.support.cluster.running`."""

import os
from collections.abc import Iterator

import pytest

from tests.support import cluster, kubecluster
from tests.support.caller import Caller, calling
from tests.support.cluster import Node
from tests.support.kubecluster import Kubernetes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_on_fleet)  # last and together: the fleet takes its share of the machine for as long as it is there
    for item in items:
        if os.geteuid() and "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.skip(reason="container nodes need root"))


def _on_fleet(item: pytest.Item) -> bool:
    return "fleet" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A configured node, ready; left as it was by whoever asks it."""
    with cluster.running(tmp_path_factory.mktemp("shared")) as nodes:
        yield nodes[0]


@pytest.fixture(scope="session")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A configured node, ready; every test leaves it so."""
    with cluster.running(tmp_path_factory.mktemp("spare"), "spare") as nodes:
        yield nodes[0]


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """Three control planes and a worker, in this order, with the fixtures' Kubernetes; every node is ready."""
    with kubecluster.running(tmp_path_factory.mktemp("fleet"), control_planes=3, workers=1) as made:
        yield made


@pytest.fixture(scope="module")
def caller(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """grpc-go at the shared node's door, with the certificate that the cluster's maker got."""
    with calling(node.endpoint, node.context(), tmp_path_factory.mktemp("pem")) as made:
        yield made


@pytest.fixture(scope="module")
def spare_caller(spare: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The same at the spare node's door. It may wait there for as long as a daemon needs to come back."""
    with calling(spare.endpoint, spare.context(), tmp_path_factory.mktemp("pem")) as made:
        yield made

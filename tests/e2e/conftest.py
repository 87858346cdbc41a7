"""Nodes to ask. The shared one is for tests that leave it as it was; who kills, reboots or configures makes his own
with `tests.support.cluster.running`."""

import os
from collections.abc import Iterator

import pytest

from core.config import client
from tests.support import cluster
from tests.support.caller import Caller, calling
from tests.support.cluster import Node


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if os.geteuid() and "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.skip(reason="container nodes need root"))


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A configured node, ready; left as it was by whoever asks it."""
    with cluster.running(tmp_path_factory.mktemp("shared")) as nodes:
        yield nodes[0]


@pytest.fixture(scope="module")
def caller(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """grpc-go at its door, with the certificate that the cluster's maker got."""
    context = client.load(node.home.client_file.read_bytes(), "talosconfig").get()
    with calling(node.endpoint, context, tmp_path_factory.mktemp("pem")) as made:
        yield made

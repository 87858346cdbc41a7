"""One cluster for all cases, of a control plane and a worker; a namespace for each. A case is named by its mark, as the
suite of the release that runs here names it, and its name goes with its outcome."""

from collections.abc import Iterator

import pytest

from tests.support import kubecluster
from tests.support.conformance import Space
from tests.support.kubecluster import Kubernetes
from tests.support.results import Record


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance(name): a case of Kubernetes' conformance suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "conformance":
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="package")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """The cluster; both nodes are ready."""
    with kubecluster.running(tmp_path_factory.mktemp("conformance"), workers=1) as made:
        yield made


@pytest.fixture
def space(kube: Kubernetes, request: pytest.FixtureRequest, record_result: Record) -> Iterator[Space]:
    """A namespace for a case, which it takes away with all that is in it. A pod needs the account to be there."""
    mark = request.node.get_closest_marker("conformance")
    record_result("case", mark.args[0])
    made = Space(kube, request.node.originalname.replace("_", "-")[:60].strip("-"))
    kube.kubectl("create", "namespace", made.name)
    try:
        made.until(lambda: "default" in made.names("serviceaccounts"), "the namespace's account")
        yield made
    finally:
        print(made.kubectl("get", "all,events"))  # is shown of a case that fails
        kube.kubectl("delete", "namespace", made.name, "--wait=false")

"""One apiserver for all that is here."""

from collections.abc import Iterator

import pytest

from tests.support.apiserver import ApiServer, serving


@pytest.fixture(scope="package")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with serving(tmp_path_factory.mktemp("apiserver")) as server:
        yield server

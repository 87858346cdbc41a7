"""Authorities of each algorithm, made once."""

import pytest

from core.pki import issue
from core.pki.types import Algorithm, Authority, Pair

NOW = 1_800_000_000.0


@pytest.fixture(scope="session")
def authorities() -> dict[Algorithm, Pair]:
    return {algorithm: issue.authority(Authority(NOW, algorithm, "talos")) for algorithm in Algorithm}


@pytest.fixture(scope="session")
def ca(authorities: dict[Algorithm, Pair]) -> Pair:
    return authorities[Algorithm.ED25519]

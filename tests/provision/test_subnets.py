"""Choosing a cluster's addresses: never one that a route or another cluster uses."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Exhausted
from core.provision.subnets import POOL, pick, taken_by


def test_the_first_free_one() -> None:
    assert str(pick([])) == "10.5.0.0/24"
    assert str(pick(["10.5.0.0/24", "10.5.1.7/32", "default", "fe80::/64"])) == "10.5.2.0/24"


def test_a_default_route_blocks_nothing() -> None:
    assert str(pick(taken_by([{"dst": "default"}, {"dst": "0.0.0.0/0"}], [""]))) == "10.5.0.0/24"


def test_none_left() -> None:
    with pytest.raises(Exhausted, match="destroy a cluster"):
        pick(["10.0.0.0/8"])


@given(st.lists(st.integers(0, 255), max_size=40), st.integers(20, 32))
def test_never_overlaps(thirds: list[int], length: int) -> None:
    taken = [str(ip_network(f"10.5.{third}.0/{length}", strict=False)) for third in thirds]
    try:
        chosen = pick(taken)
    except Exhausted:
        return
    assert chosen.subnet_of(POOL)
    assert not any(chosen.overlaps(ip_network(other)) for other in taken)

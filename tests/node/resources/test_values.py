"""Enumerations with numbers and texts."""

import copy

import pytest

from core.base.errors import Invalid
from core.node.resources.config import MachineType
from core.node.resources.network import Family, LinkType, OperationalState, Table
from core.node.resources.runtime import MachineStage


def test_number_and_text() -> None:
    assert Family(10) is Family.INET6
    assert (int(Family.INET6), str(Family.INET6), Family.INET6.text) == (10, "inet6", "inet6")
    assert (LinkType.LOOPBACK.text, MachineStage.SHUTTING_DOWN.text) == ("loopback", "shutting down")
    assert OperationalState.parse("lowerLayerDown") is OperationalState.LOWER_LAYER_DOWN


def test_text_that_is_none() -> None:
    with pytest.raises(Invalid, match="use one of unknown, init, controlplane, worker"):
        MachineType.parse("boss")


def test_numbers_that_nobody_told_us() -> None:
    assert (Table(7), Table(7).text, repr(Table(7))) == (7, "7", "<Table._7: 7>")
    assert Table(7) is Table(7)
    assert Table.MAIN in Table
    assert 7 not in [int(member) for member in Table]
    with pytest.raises(ValueError, match="99"):
        Family(99)


def test_copies_are_the_same_member() -> None:
    assert copy.deepcopy(Family.INET4) is Family.INET4
    assert copy.deepcopy(Table(9)) is Table(9)

"""Where a call goes: the whole table, and how its own list of methods stands to the messages that there are."""

from typing import Final

import pytest
from google.protobuf import descriptor_pool

from core.base.errors import Denied
from core.node.front.routing import FAN_OUT, HERE, STREAMS, Route, address, is_stream, route
from core.rpc.metadata import Metadata
from core.rpc.status import Code, RpcError
from tests.node.api import test_roles

OWN: Final = {"10.0.0.1", "node"}
VERSION: Final = "/machine.MachineService/Version"
GET: Final = "/cosi.resource.State/Get"
SERVICES: Final = [service for file in test_roles.FILES for service in file.DESCRIPTOR.services_by_name.values()]


def ask(forwards: bool, *pairs: tuple[str, str], method: str = VERSION) -> Route | str:
    """The route, or why there is none."""
    try:
        return route(method, Metadata(pairs), OWN.__contains__, forwards=forwards)
    except RpcError as error:
        return error.code.name
    except Denied as error:
        return str(error)


@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.parametrize(
    "pairs",
    [
        (),
        (("runtime", "Talos"),),
        (("proxyfrom", "10.0.0.2:50000"), ("node", "10.0.0.3")),
        (("proxyfrom", "10.0.0.2:50000"), ("nodes", "10.0.0.3"), ("nodes", "10.0.0.4")),
        (("node", "10.0.0.1"),),
        (("node", "node"),),
    ],
)
def test_what_is_for_this_node_alone(forwards: bool, pairs: tuple[tuple[str, str], ...]) -> None:
    assert ask(forwards, *pairs) == HERE


def test_who_cannot_forward_serves_itself_and_refuses_the_rest() -> None:
    assert ask(False, ("nodes", "10.0.0.1")) == HERE
    for pairs in (
        [("node", "10.0.0.2")],
        [("nodes", "10.0.0.2")],
        [("nodes", "10.0.0.1"), ("nodes", "10.0.0.2")],
        [("nodes", "10.0.0.1"), ("nodes", "10.0.0.1")],
        [("node", "10.0.0.1"), ("node", "10.0.0.1")],
        [("node", "")],
    ):
        assert ask(False, *pairs) == "no request forwarding"


def test_who_can_forward_does() -> None:
    assert ask(True, ("node", "10.0.0.2")) == Route(("10.0.0.2",))
    assert ask(True, ("node", "fd00::2"), method=GET) == Route(("fd00::2",))
    assert ask(True, ("nodes", "10.0.0.1")) == Route(("10.0.0.1",), many=True)
    both = [("nodes", "10.0.0.2"), ("nodes", "other.test")]
    assert ask(True, *both) == Route(("10.0.0.2", "other.test"), many=True)
    assert ask(True, *both, ("node", "10.0.0.3")) == Route(("10.0.0.2", "other.test"), many=True)


def test_what_is_wrong_in_itself() -> None:
    assert ask(True, ("node", "10.0.0.2"), ("node", "10.0.0.3")) == Code.INVALID_ARGUMENT.name
    assert ask(True, ("node", "10.0.0.1"), ("node", "10.0.0.1")) == Code.INVALID_ARGUMENT.name
    for service in ("cosi.resource.State/Get", "machine.ImageService/List", "machine.StorageService/Statfs", "x/y"):
        assert ask(True, ("nodes", "10.0.0.2"), method=f"/{service}") == Code.INVALID_ARGUMENT.name
    for target in ("", "10.0.0.2:50000", "other.test:1", "[fd00::2]:50000", "a b", "a..b", "a" * 64, "ü", "a." * 127):
        assert ask(True, ("node", target)) == Code.INTERNAL.name
        assert ask(True, ("nodes", "10.0.0.2"), ("nodes", target)) == Code.INTERNAL.name


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("10.0.0.2", "10.0.0.2:50000"),
        ("fd00::2", "[fd00::2]:50000"),
        ("[fd00::2]", "[fd00::2]:50000"),
        ("fe80::2%eth0", "[fe80::2%eth0]:50000"),
        ("node-2.example.test.", "node-2.example.test.:50000"),
    ],
)
def test_where_a_node_is(target: str, where: str) -> None:
    assert address(target) == where


def test_the_services_that_fan_out_are_made_for_it() -> None:
    """Their replies are lists of elements that begin with metadata, their streams are told by name."""
    found = set()
    for service in SERVICES:
        if service.full_name not in FAN_OUT:
            continue
        found.add(service.full_name)
        for method in service.methods:
            path = f"/{service.full_name}/{method.name}"
            assert is_stream(path) == method.server_streaming, path
            element = method.output_type
            if not method.server_streaming:
                assert [(field.name, field.number) for field in element.fields] == [("messages", 1)], path
                element = element.fields_by_name["messages"].message_type
            assert element.fields_by_number[1].message_type.full_name == "common.Metadata", path
    assert found == FAN_OUT
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call] # stub gap
    for path in STREAMS:
        service, name = path[1:].split("/")
        assert name in pool.FindServiceByName(service).methods_by_name


def test_methods_that_come_later_are_streams_when_they_are_called_so() -> None:
    assert is_stream("/machine.MachineService/SomethingStream")
    assert not is_stream("/machine.MachineService/Something")

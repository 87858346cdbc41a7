"""Sending machine configs to nodes: what `apply-config`, `edit` and `patch` have in common, and the config in force
that the latter two begin with."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click
import msgspec
from google.protobuf.duration_pb2 import Duration

from core.base.errors import Unsupported
from core.base.units import parse_duration
from core.cli import kinds
from core.cli.output import note
from core.cli.target import Node
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.resource.config.config_pb2 import MachineConfigSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state

_Command = TypeVar("_Command", bound=Callable[..., Any])
_MODES: Final = {"auto": "AUTO", "no-reboot": "NO_REBOOT", "staged": "STAGED", "try": "TRY"}
KIND: Final = "MachineConfigs.config.talos.dev"
ACTIVE: Final = "v1alpha1"
SECONDS: Final = 120.0  # a node answers when its config is stored


class How(msgspec.Struct, frozen=True):
    """How a config is applied."""

    mode: str = "auto"
    dry_run: bool = False
    timeout: str = "1m"


def how_options(function: _Command) -> _Command:
    """The flags that make a `How`, which the command gets as `how`."""

    @wraps(function)
    def wrapper(*args: Any, mode: str, dry_run: bool, timeout: str, **kwargs: Any) -> Any:
        return function(*args, how=How(mode, dry_run, timeout), **kwargs)

    decorated: Any = wrapper
    for option in (
        click.option("--timeout", default="1m", show_default=True, metavar="TIME", help="of mode try: when it reverts"),
        click.option("--dry-run", is_flag=True, help="only say what would change"),
        click.option("-m", "--mode", type=click.Choice(list(_MODES)), default="auto", show_default=True),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click's decorators are untyped about what they wrap


async def send(node: Node, data: bytes, how: How) -> None:
    """Apply, and print what the node says."""
    request = pb.ApplyConfigurationRequest(
        data=data,
        mode=_MODES[how.mode],
        dry_run=how.dry_run,
        try_mode_timeout=Duration(seconds=int(parse_duration(how.timeout))),
    )
    path = "machine.MachineService/ApplyConfiguration"
    answer = await node.unary(path, request, pb.ApplyConfigurationResponse, timeout=SECONDS)
    for message in answer.messages:
        for warning in message.warnings:
            note(f"{node.name}: warning: {warning}")
        click.echo(f"{node.name}: {message.mode_details}")


async def in_force(node: Node, kind: str, namespace: str = "") -> bytes:
    """The text of the node's machine config, which is the only kind of resource that people write."""
    definition = await kinds.find(node, kind)
    if definition.type != KIND:
        raise Unsupported(f"{definition.type} is written by the node alone", remedy="change the machineconfig")
    where = namespace or definition.default_namespace
    request = state.GetRequest(namespace=where, type=definition.type, id=ACTIVE)
    answer = await node.unary("cosi.resource.State/Get", request, state.GetResponse)
    return MachineConfigSpec.FromString(answer.resource.spec.proto_spec).yaml_marshalled

"""docs/api.md: every method that a node serves, what it does today, who may call it, and the test that calls it. Made
of the descriptors, the tables of the node, and the tables by which the tests make their calls."""

import inspect
import re
from functools import cache
from typing import Any, Final, cast

from core.node.api import later, served
from core.node.api.roles import MAINTENANCE, RULES
from core.node.node import Node
from core.pki.roles import Role
from tests.e2e.calls import CALLS, COMMANDS, FLOWS
from tests.support.commands import Command, table
from tests.support.protos import methods

_HEAD: Final = """# API

Every method that a node serves, made by `make docs` from its tables and from those by which the tests make their calls;
do not edit. Each test calls a node that runs, over mTLS, by grpc-go's client with the stubs that its compiler makes of
our .proto files. Roles are those a client certificate names; *without a config* says that a node in maintenance mode
lets anybody. Everything else there is for readers: what they may call, a stranger may.

| method | today | roles | test |
|---|---|---|---|
"""
_COMMANDS: Final = """
## Commands

Each command of the format's client whose subsystem exists: what that client calls for it, in order, and the test that
plays it; or, where it asks no node or a whole Kubernetes, the test of ichorctl's own. ichorctl has all of them, with
their flags (tests/cli/commands.tsv). Below them what others call.

| command | calls | test |
|---|---|---|
"""
_LATER: Final = """
## Commands that are not there

What stands behind them does not exist yet, or exists as something else.

| command | because, or instead |
|---|---|
"""
TRUSTD: Final = ("securityapi.SecurityService/Certificate",)  # the one service that machined does not answer
_API: Final = "tests/e2e/test_api.py::"
_FLOWS: Final = "tests/e2e/test_flows.py::"


class _Nowhere:
    """Stands where handlers expect a node: they are listed here and never called."""

    def __getattr__(self, name: str) -> "_Nowhere":
        return _Nowhere()


def render() -> str:
    """The page."""
    rows = "".join(_row(path[1:]) for path in sorted(methods()))
    listed = [command for command in table() if command.state != "group"]
    there = "".join(_command(command) for command in listed if command.there)
    more = "".join(_played(name, name) for name in sorted(set(played()) - {n for c in listed for n in names(c)}))
    later = "".join(f"| {command.name} | {command.by} |\n" for command in listed if not command.there)
    return _HEAD + rows + _COMMANDS + there + more + _LATER + later


@cache
def played() -> dict[str, tuple[str, ...]]:
    """The rows of tests/e2e/calls.py: the methods of each, in order."""
    return {name: tuple(call.rpc for call in calls) for name, calls in COMMANDS.items()} | FLOWS


def names(command: Command) -> list[str]:
    """The rows that play a command."""
    return command.by.split("; ") if command.state == "calls" else []


@cache
def registered() -> dict[str, str]:
    """What is answered: "service/Method" -> why it cannot yet, empty if it can."""
    services = served.services(cast(Node, _Nowhere()))
    found = {f"{service.name}/{name}": method for service in services for name, method in service.methods.items()}
    return dict.fromkeys(TRUSTD, "") | {rpc: _sentence(method.function) for rpc, method in found.items()}


def missing() -> dict[str, str]:
    """Those that cannot yet."""
    return {rpc: sentence for rpc, sentence in registered().items() if sentence}


def tests() -> dict[str, str]:
    """The test that calls a method."""
    flows = {rpc: f"{_FLOWS}{flow_test(name)}" for name, rpcs in FLOWS.items() for rpc in rpcs}
    not_yet = {rpc: f"{_API}test_what_is_not_there_yet_says_so[{rpc}]" for rpc in missing()}
    return flows | not_yet | {call.rpc: f"{_API}test_a_method[{call.rpc}]" for call in CALLS}


def flow_test(command: str) -> str:
    """The name of the test for a command that changes the node."""
    return "test_" + "_".join(re.findall(r"\w+", command))


def _sentence(function: Any) -> str:
    if getattr(function, "__module__", "") != later.__name__:
        return ""
    return str(inspect.getclosurevars(function).nonlocals["why"])


def _row(rpc: str) -> str:
    test = tests().get(rpc)
    return f"| {rpc} | {_today(rpc)} | {_roles('/' + rpc)} | {f'`{test}`' if test else ''} |\n"


def _today(rpc: str) -> str:
    if rpc not in registered():
        return "not there"
    if sentence := registered()[rpc]:
        return f"Unimplemented: {sentence}"
    denied = next((call.says for call in CALLS if call.rpc == rpc and call.code == "PermissionDenied"), "")
    return f"PermissionDenied, always: {denied}" if denied else "real"


def _command(command: Command) -> str:
    if command.state == "alone":
        return f"| {command.name} |  | `{command.by}` |\n"
    return "".join(_played(name if name.startswith(command.name) else command.name, name) for name in names(command))


def _played(shown: str, name: str) -> str:
    test = f"{_FLOWS}{flow_test(name)}" if name in FLOWS else f"{_API}test_a_command[{name}]"
    return f"| {shown} | {', '.join(rpc.partition('.')[2] for rpc in played()[name])} | `{test}` |\n"


def _roles(path: str) -> str:
    roles = RULES.get(path, frozenset((Role.ADMIN,)))
    names = ", ".join(role.removeprefix("os:") for role in Role if role in roles)
    return names + (", *without a config*" if path in MAINTENANCE else "")


if __name__ == "__main__":
    print(render(), end="")

"""`config new` and `config renew`: client certificates, from a control plane that is asked with a live one, or from the
cluster's secrets file when there is none any more."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from core.base.clock import SystemClock
from core.base.errors import Invalid, NotFound
from core.base.units import parse_duration
from core.cli import clientfile, files
from core.cli.before import given
from core.cli.output import note
from core.cli.target import Node, known
from core.config import client
from core.pki import der, pem
from core.pki.roles import Role
from core.rpc.pb.machine import machine_pb2 as pb

_PATH: Final = "machine.MachineService/GenerateClientConfiguration"
Place = tuple[Path, str]


def _asked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that say whom to ask and for how long."""
    for option in (
        click.option("--crt-ttl", "ttl", default="24h", show_default=True, help="how long the certificate is good"),
        click.option("-e", "--endpoints", multiple=True, metavar="HOST", help="connect through these"),
        click.option("-n", "--nodes", "wanted", multiple=True, metavar="HOST", help="the control plane to ask"),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("path", metavar="[FILE]", default="talosconfig")
@click.option("--roles", multiple=True, default=(Role.ADMIN.value,), show_default=True, help="what it may be used for")
@click.option("-f", "--force", is_flag=True, help="replace a file that exists")
@_asked
@click.pass_obj
def new(
    place: Place,
    path: str,
    roles: tuple[str, ...],
    force: bool,
    wanted: tuple[str, ...],
    endpoints: tuple[str, ...],
    ttl: str,
) -> None:
    """Have a control plane make a client config with a key of its own, into FILE."""
    files.refuse_existing([path], force=force)
    made = _ask(place, wanted, endpoints, files.split(roles), _seconds(ttl))
    own = clientfile.load(place[0]).get(place[1])
    context = msgspec.structs.replace(made.get(), endpoints=own.endpoints, nodes=own.nodes)
    files.write(path, client.save(made.put(made.context, context)), force=force)


@click.command()
@click.option("--from-secrets", "secrets", metavar="FILE", help="make it here, of the cluster's secrets")
@_asked
@click.pass_obj
def renew(place: Place, secrets: str | None, wanted: tuple[str, ...], endpoints: tuple[str, ...], ttl: str) -> None:
    """Replace the context's key and certificate by new ones with the same roles."""
    config, seconds = clientfile.load(place[0]), _seconds(ttl)
    name = place[1] or config.context
    own = config.get(name)
    roles = der.read(pem.certificates(own.crt)[0]).organizations if own.crt else (Role.ADMIN.value,)
    if secrets is None:
        made = _ask(place, wanted, endpoints, roles, seconds).get()
    else:
        made = _of_secrets(secrets, roles, seconds)
    renewed = msgspec.structs.replace(own, ca=made.ca, crt=made.crt, key=made.key)
    clientfile.save(place[0], config.put(name, renewed))
    note(f"context {name} has a new certificate, for {', '.join(roles)}")


def _ask(
    place: Place, wanted: tuple[str, ...], endpoints: tuple[str, ...], roles: tuple[str, ...], seconds: float
) -> client.ClientConfig:
    """What a control plane made: the first that is meant."""
    wanted, endpoints = files.split(given("wanted", wanted)), files.split(given("endpoints", endpoints))
    nodes = known(str(place[0]), place[1], wanted, endpoints)
    nodes = replace(nodes, names=nodes.names[:1])
    request = pb.GenerateClientConfigurationRequest(roles=roles)
    request.crt_ttl.FromNanoseconds(round(seconds * 10**9))

    async def ask(node: Node) -> bytes:
        answer = await node.unary(_PATH, request, pb.GenerateClientConfigurationResponse)
        return answer.messages[0].talosconfig

    ((_, data),) = nodes.run(ask)
    return client.load(data, "the node's answer")


def _of_secrets(path: str, roles: tuple[str, ...], seconds: float) -> client.Context:
    # these load the schema and `cryptography`, which asking a node does not need
    from core.config import bundle
    from core.pki import issue
    from core.pki.types import Client, Pair

    authority = bundle.load(files.read(path), path).certs.os
    if not authority.key:
        raise NotFound(f"{path} has no key of the API's authority")
    job = Client(SystemClock().now(), Pair(authority.crt, authority.key), roles, lifetime=int(seconds))
    issued = issue.client(job)
    return client.Context(ca=authority.crt, crt=issued.crt, key=issued.key)


def _seconds(ttl: str) -> float:
    seconds = parse_duration(ttl)
    if seconds < 1:
        raise Invalid(f"{ttl} is no lifetime")
    return seconds

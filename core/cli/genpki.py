"""`gen ca`, `key`, `csr`, `crt` and `keypair`: keys and certificates by hand, as files of one name in this folder."""

from pathlib import Path

import click

from core.base.clock import SystemClock
from core.cli import files
from core.cli.output import note
from core.pki import issue, keys, requests
from core.pki.types import AUTHORITY_LIFETIME, HOUR, Algorithm, Authority, Pair


@click.command("ca")
@click.option("--organization", required=True, help="whose; also the files' name")
@click.option("--hours", default=AUTHORITY_LIFETIME // HOUR, show_default=True, help="how long it is good")
@click.option("--rsa", is_flag=True, help="of RSA in place of Ed25519")
@click.pass_obj
def authority(force: bool, organization: str, hours: int, rsa: bool) -> None:
    """Make a self-signed authority."""
    kind = Algorithm.RSA4096 if rsa else Algorithm.ED25519
    made = issue.authority(Authority(SystemClock().now(), kind, organization, lifetime=hours * HOUR))
    _write(force, organization, crt=made.crt, key=made.key)


@click.command("key")
@click.option("--name", required=True, help="the file's")
@click.pass_obj
def key(force: bool, name: str) -> None:
    """Make an Ed25519 key."""
    _write(force, name, key=keys.dump(keys.new(Algorithm.ED25519)))


@click.command("csr")
@click.option("--key", "path", required=True, metavar="FILE", help="the key it is for; the request is beside it")
@click.option("--ip", default="", metavar="ADDRESS", help="an address to be in the certificate")
@click.option("--roles", multiple=True, default=("os:admin",), show_default=True, help="roles of a client; '' for none")
@click.pass_obj
def request(force: bool, path: str, ip: str, roles: tuple[str, ...]) -> None:
    """Make a request for a certificate."""
    made = requests.new(files.read(path), addresses=(ip,) if ip else (), organizations=files.split(roles))
    _write(force, path.removesuffix(".key"), csr=made)


@click.command("crt")
@click.option("--name", required=True, help="the file's")
@click.option("--ca", required=True, metavar="NAME", help="the authority's files, NAME.crt and NAME.key")
@click.option("--csr", required=True, metavar="FILE", help="the request")
@click.option("--hours", default=24, show_default=True, help="how long it is good")
@click.pass_obj
def certificate(force: bool, name: str, ca: str, csr: str, hours: int) -> None:
    """Sign a request: a client certificate when it names roles, else a server's."""
    pair = Pair(files.read(f"{ca}.crt"), files.read(f"{ca}.key"))
    issued = requests.endorse(files.read(csr), pair, SystemClock().now(), hours * HOUR)
    _write(force, name, crt=issued.crt)


@click.command("keypair")
@click.option("--organization", required=True, help="whose; also the files' name")
@click.option("--ip", default="", metavar="ADDRESS", help="an address to be in the certificate")
@click.pass_obj
def keypair(force: bool, organization: str, ip: str) -> None:
    """Make an Ed25519 key with a certificate that it signs itself."""
    wanted = (ip,) if ip else ()
    made = issue.authority(Authority(SystemClock().now(), Algorithm.ED25519, organization, addresses=wanted))
    _write(force, organization, crt=made.crt, key=made.key)


def _write(force: bool, name: str, **parts: bytes) -> None:
    """A file for each part, none unless all may be written."""
    targets = {f"{name}.{part}": data for part, data in parts.items()}
    files.refuse_existing(targets, force=force)
    for target, data in targets.items():
        files.write(target, data, force=force)
        note(f"wrote {Path(target)}")

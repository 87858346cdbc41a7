"""`config`: the client config file. Which file: --talosconfig, $ICHORCONFIG, $TALOSCONFIG, ~/.talos/config."""

import time
from pathlib import Path

import click
import msgspec

from core.base.clock import SystemClock
from core.cli import clientfile, files, mint
from core.cli.before import given
from core.cli.nicknames import nickname
from core.cli.output import emit_json, note, output_option, table
from core.config import client
from core.pki import der, pem, roles


@click.group(name="config")
@click.option("--talosconfig", metavar="FILE", help="the client config file")
@click.option("--context", "wanted", default="", metavar="NAME", help="the context to use instead of the current one")
@click.pass_context
def command(context: click.Context, talosconfig: str | None, wanted: str) -> None:
    """Client config: contexts, endpoints, nodes."""
    context.obj = (clientfile.find(given("talosconfig", talosconfig)), given("context", wanted))


@command.command()
@output_option("table", "json")
@click.pass_obj
def contexts(place: tuple[Path, str], output: str) -> None:
    """List the contexts."""
    config = clientfile.load(place[0])
    rows = [
        {"current": name == config.context, "name": name, "endpoints": context.endpoints, "nodes": context.nodes}
        for name, context in sorted(config.contexts.items())
    ]
    if output == "json":
        emit_json(rows)
    else:
        table(
            ("current", "name", "endpoints", "nodes"),
            [("*" if row["current"] else "", row["name"], row["endpoints"], row["nodes"]) for row in rows],
        )


@command.command()
@click.argument("name")
@click.pass_obj
def context(place: tuple[Path, str], name: str) -> None:
    """Use the context NAME from now on."""
    clientfile.save(place[0], clientfile.load(place[0]).use(name))


@command.command()
@output_option("text", "json")
@click.pass_obj
def info(place: tuple[Path, str], output: str) -> None:
    """Show the context in use, its roles and when its certificate ends."""
    path, wanted = place
    config = clientfile.load(path)
    context = config.get(wanted)
    facts = der.read(pem.certificates(context.crt)[0]) if context.crt else None
    left = facts.not_after - SystemClock().now() if facts else 0.0
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.not_after)) if facts else None
    shown = {
        "context": wanted or config.context,
        "nodes": context.nodes,
        "endpoints": context.endpoints,
        "roles": sorted(roles.parse(facts.organizations)) if facts else [],
        "certificateExpires": ends,
    }
    if output == "json":
        emit_json(shown)
        return
    remaining = f" ({_span(left)})" if facts else ""
    rows = [
        ("Context:", shown["context"]),
        ("Nodes:", ", ".join(context.nodes) or "not set"),
        ("Endpoints:", ", ".join(context.endpoints) or "not set"),
        ("Roles:", ", ".join(sorted(roles.parse(facts.organizations))) if facts else "no certificate"),
        ("Certificate ends:", f"{ends or 'no certificate'}{remaining}"),
    ]
    for label, value in rows:
        click.echo(f"{label:<18} {value}")


@command.command()
@click.argument("name")
@click.option("--ca", metavar="FILE", help="the API's authority, PEM")
@click.option("--crt", metavar="FILE", help="client certificate, PEM")
@click.option("--key", metavar="FILE", help="its key, PEM")
@click.pass_obj
def add(place: tuple[Path, str], name: str, ca: str | None, crt: str | None, key: str | None) -> None:
    """Add or replace the context NAME and use it."""
    if (crt is None) != (key is None):
        raise click.UsageError("--crt and --key go together")
    parts = [files.read(part) if part else b"" for part in (ca, crt, key)]
    for part in parts[:2]:
        _ = pem.certificates(part) if part else None
    context = client.Context(ca=parts[0], crt=parts[1], key=parts[2])
    clientfile.save(place[0], clientfile.load_or_empty(place[0]).put(name, context).use(name))


@command.command()
@click.argument("path", metavar="FILE")
@click.pass_obj
def merge(place: tuple[Path, str], path: str) -> None:
    """Add the contexts of another client config."""
    merged, renamed = clientfile.load_or_empty(place[0]).merge(client.load(files.read(path), path))
    clientfile.save(place[0], merged)
    for old, new in renamed.items():
        note(f"context {old} is there already; the new one is {new}")


@command.command()
@click.argument("endpoints", nargs=-1)
@click.pass_obj
def endpoint(place: tuple[Path, str], endpoints: tuple[str, ...]) -> None:
    """Set the context's endpoints; none clears them."""
    _change(place, endpoints=files.split(endpoints))


@command.command()
@click.argument("nodes", nargs=-1)
@click.pass_obj
def node(place: tuple[Path, str], nodes: tuple[str, ...]) -> None:
    """Set the context's default nodes; none clears them."""
    _change(place, nodes=files.split(nodes))


@command.command(name="proxy-url")
@click.argument("url", required=False, default="")
@click.pass_obj
def proxy_url(place: tuple[Path, str], url: str) -> None:
    """Set the context's proxy; none clears it."""
    _change(place, proxy_url=url)


@command.command()
@click.argument("names", nargs=-1, required=True)
@click.option("-y", "--noconfirm", is_flag=True, help="do not ask")
@click.option("--dry-run", is_flag=True, help="only say what would go")
@click.pass_obj
def remove(place: tuple[Path, str], names: tuple[str, ...], noconfirm: bool, dry_run: bool) -> None:
    """Delete contexts."""
    config = clientfile.load(place[0])
    for name in names:
        config = config.without(name)
    if dry_run:
        note(f"would remove {', '.join(names)}")
        return
    if not noconfirm:
        click.confirm(f"Remove {', '.join(names)}?", abort=True, err=True)
    clientfile.save(place[0], config)


for _made in (mint.new, mint.renew):
    command.add_command(_made)
nickname(command, {"use-context": context, "get-contexts": contexts, "endpoints": endpoint, "nodes": node})


def _change(place: tuple[Path, str], **changes: object) -> None:
    path, wanted = place
    config = clientfile.load(path)
    context = msgspec.structs.replace(config.get(wanted), **changes)
    clientfile.save(path, config.put(wanted or config.context, context))


def _span(seconds: float) -> str:
    if seconds < 0:
        return "expired"
    days, hours = int(seconds // 86400), int(seconds % 86400 // 3600)
    return f"{days} days left" if days else f"{hours} hours left"

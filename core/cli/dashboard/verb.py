"""`dashboard`: nodes on a full screen, live. Refuses to run where there is no screen."""

import os
import sys

import click

from core.base.errors import Invalid, Unsupported
from core.base.units import parse_duration
from core.cli.target import Nodes, node_options


@click.command(name="dashboard")
@click.option(
    "-d", "--update-interval", "interval", default="3s", show_default=True, metavar="TIME", help="how often to ask"
)
@node_options(insecure=True)
def command(interval: str, nodes: Nodes) -> int:
    """Watch the nodes on a full screen: load, processes, services, logs, events; press ? there for the keys."""
    seconds = parse_duration(interval)
    if seconds < 0.1:
        raise Invalid(f"{interval} is too often", remedy="give an interval of 100ms or more")
    _demand_a_terminal()
    from core.cli.dashboard.app import Dashboard  # textual takes as long to load as all the rest: nobody else pays

    app = Dashboard(nodes, seconds)
    app.run()
    return app.return_code or 0


def _demand_a_terminal() -> None:
    """Raises Unsupported."""
    closed = [name for name in ("stdin", "stdout", "stderr") if not _is_terminal(name)]
    if closed or os.environ.get("TERM", "dumb") == "dumb":
        what = f"{closed[0]} is none" if closed else "TERM says that this one cannot place a cursor"
        raise Unsupported(f"the dashboard needs a terminal: {what}", remedy="use `ichorctl get`, `events` or `logs`")


def _is_terminal(name: str) -> bool:
    stream = getattr(sys, name)
    return stream is not None and bool(stream.isatty())

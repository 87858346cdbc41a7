"""Calls and connections of one of our servers."""

from typing import Final

from core.codec.openmetrics import Family
from core.rpc.server import Server
from core.rpc.status import code_of
from ext.http2.tally import BOUNDS

_CALLS: Final = "How long calls took, streams from their first to their last message, by how they ended."


def families(daemon: str, *servers: Server) -> list[Family]:
    """Those of `daemon`, whose servers have no method in common."""
    calls = Family("ichor_rpc_duration_seconds", "histogram", _CALLS)
    connections = Family("ichor_rpc_connections", "gauge", "Connections to this server that are open.")
    for server in servers:
        for method, code, counts, seconds in server.tally.rows():
            name = method.decode("ascii", "replace")
            calls.add_counts(BOUNDS, counts, seconds, daemon=daemon, method=name, code=code_of(code).name)
    connections.add(sum(server.connections for server in servers), daemon=daemon)
    return [calls, connections]

"""The peers that benchmarks/rpc measures: each serves grpc-go's client and calls grpc-go's server, and is measured."""

from pathlib import Path

from benchmarks.rpc.certificates import certificates
from benchmarks.rpc.drive import NAMES, clients_against, servers_under

ORDERS = [("unary 2", 2), ("flight 4 2", 4), ("connect 1", 1), ("stream 3 70000", 3)]


def test_every_peer_does_what_is_ordered(tmp_path: Path) -> None:
    certificates(tmp_path)
    for measure in (servers_under, clients_against):
        found = measure(tmp_path, True, ORDERS, 1, ())
        assert list(found) == list(NAMES)
        for (outcomes,) in found.values():
            assert len(outcomes) == len(ORDERS)
            assert all(outcome.wall > 0 for outcome in outcomes)

"""Long: the corpus cut, bent and spliced. Whatever the bytes, a config or a patch is taken or refused with its
problems."""

import random
from pathlib import Path

import pytest

from core.config.load import Config, load, read
from core.config.merge import merge
from core.config.problems import ConfigErrors
from core.config.redact import redact
from core.config.support import unsupported

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.yaml"))]
SPICE = [
    b"*a",
    b"&a ",
    b"<<: ",
    b"!!str ",
    b"- ",
    b"? ",
    b": ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\n",
    b"---\n",
    b"'",
    b'"',
    b"|\n",
]
SPICE += [b"$patch: delete", b"null", b"\t", b"\x00", b"\xff", b"\xe2\x80\xa8", b"0x", b"-1", b"yes", b"kind: X\n"]
ROUNDS = 40_000


def _bent(numbers: random.Random) -> bytes:
    data = numbers.choice(CORPUS)
    for _ in range(numbers.randint(1, 4)):
        start = numbers.randrange(len(data) + 1)
        end = min(len(data), start + numbers.choice((0, 0, 1, 5, 40)))
        other = numbers.choice(CORPUS)
        piece = numbers.choice((b"", numbers.choice(SPICE), other[numbers.randrange(len(other)) :][:60]))
        data = data[:start] + piece + data[end:]
    return data


def _taken(data: bytes) -> Config | None:
    try:
        return load(data)
    except ConfigErrors as error:
        assert error.problems
        assert str(error)
        return None


@pytest.mark.slow
def test_any_bending_is_taken_or_refused() -> None:
    numbers = random.Random(20)
    base = read(b"machine: {type: worker, network: {hostname: a}}\ncluster: {clusterName: b}")
    taken = 0
    for _ in range(ROUNDS):
        data = _bent(numbers)
        config = _taken(data)
        if config is not None:
            taken += 1
            assert redact(config)
            unsupported(config)
        try:
            merge(base, data)
        except ConfigErrors as error:
            assert error.problems
    assert taken > ROUNDS // 100

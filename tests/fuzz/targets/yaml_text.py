"""YAML text: what is read is written and read again the same, by this reader and, as plain values, by PyYAML's own."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import yaml as stock

from core.codec import yaml
from core.codec.yaml import Node
from tests.fuzz.target import Target, attempt

_CONFIGS = Path(__file__).parents[2] / "config" / "corpus"
_LIMITS = yaml.Limits(size=4096, depth=20, nodes=2000, aliases=100)


def check(data: bytes) -> None:
    stream = attempt(yaml.YamlErrors, yaml.parse, data, _LIMITS)
    if stream is None:
        return
    for trouble in stream.troubles:
        assert trouble.line >= 1 and trouble.column >= 1 and str(trouble)
    text = yaml.dump_all(stream.documents)
    again = yaml.parse(text)
    assert not again.troubles
    assert len(again.documents) == len(stream.documents)
    for one, other in zip(stream.documents, again.documents, strict=True):
        assert yaml.same(one, other), (one, other)
    yaml.locate(data, list(islice((p for n, d in enumerate(stream.documents) for p in _paths(d, (n,))), 20)))
    if _stock(data) is not None and not stream.troubles:
        assert _stock(text) == len(stream.documents), "PyYAML does not read what was written"


def _stock(text: bytes) -> int | None:
    """How many documents PyYAML finds."""
    try:
        return len(list(stock.safe_load_all(text)))
    except (stock.YAMLError, ValueError):  # dates such as 2024-99-99
        return None


def _paths(node: Node, path: yaml.Path) -> Iterator[yaml.Path]:
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        yield from _paths(value, (*path, key))


def configs(*names: str) -> Iterator[bytes]:
    """Texts of the configs' corpus that are small, or those named."""
    for path in sorted(_CONFIGS.glob("*.yaml")):
        text = path.read_bytes()
        if path.stem in names or (not names and len(text) < 700 and not path.stem.startswith("bomb")):
            yield text


def seeds() -> Iterator[bytes]:
    names = ("aliases-and-merge-keys", "bad-indent", "comments-and-unicode", "complex-key", "crlf", "custom-tag")
    yield from configs(*names, "duplicate-key", "flow-style", "json", "null-documents", "self-alias", "tab-indent")
    yield b"a: |+\n  x\n\n\nb: >-\n  folded\n  text\n? |\n  key\n: 'it''s'\n"
    yield b'"<<": 1\n"\\x41\\u263a": "\\e[1m\\0"\n- no\n'
    yield b"- 0o17\n- 1_000\n- .inf\n- 2024-01-01\n- 1:30\n- =\n- !!str 1\n- ~\n"


TARGET = Target(check, seeds, runs=3000, largest=2048)

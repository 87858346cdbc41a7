"""Trees to YAML text that this reader, and stock ones, read back the same: block style, keys in the order given, long
text as literal blocks, `Plain` as it was written."""

from collections.abc import Iterable

import yaml

from core.codec.yaml.scalar import Plain, resolve


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value and not any(line.endswith((" ", "\t")) for line in value.split("\n")):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    # 1.2 numbers such as 0o17 are text to PyYAML and not to others
    ambiguous = bool(value) and not isinstance(resolve(value), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'" if ambiguous else None)


def _plain(dumper: yaml.CSafeDumper, value: Plain) -> yaml.ScalarNode:
    # the tag libyaml would infer, so that it sees no need for quotes
    tag = dumper.resolve(yaml.ScalarNode, str(value), (True, False))  # type: ignore[no-untyped-call]  # PyYAML's stub
    return dumper.represent_scalar(tag, str(value))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Plain, _plain)


def dump(document: object) -> bytes:
    """One document."""
    return dump_all((document,))


def dump_all(documents: Iterable[object]) -> bytes:
    """A stream; documents after the first are set off by `---`."""
    text: bytes = yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=120,
        encoding="utf-8",
    )
    return text

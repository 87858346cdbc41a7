"""Which keys the node acts on. Everything else of the schema is read, validated, kept, and reported as not acted on
yet: whoever implements a key adds its path here, and docs/config.md and `validate` follow."""

from collections.abc import Iterator
from typing import Final

from core.codec.yaml import Node, Path
from core.config.kinds import Keys, List, Map, Plan
from core.config.load import PLAN, Config
from core.config.problems import dotted

# A path covers all below it; [] stands for any element, * for any key of a free mapping.
ACTED_ON: Final = frozenset(
    {
        "version",
        "machine.type",
        "machine.ca",
        "machine.acceptedCAs",
        "machine.certSANs",
        "machine.network.hostname",
        "machine.network.interfaces[].interface",
        "machine.network.interfaces[].deviceSelector",
        "machine.network.interfaces[].addresses",
        "machine.network.interfaces[].cidr",
        "machine.network.interfaces[].routes",
        "machine.network.interfaces[].mtu",
        "machine.network.interfaces[].dhcp",
        "machine.network.interfaces[].ignore",
        "machine.network.interfaces[].dhcpOptions.routeMetric",
        "machine.network.interfaces[].dhcpOptions.ipv4",
        "machine.network.nameservers",
        "machine.network.searchDomains",
        "machine.network.disableSearchDomain",
        "machine.network.extraHostEntries",
        "machine.install.disk",
        "machine.install.diskSelector",
        "machine.install.wipe",
        "machine.time",
        "machine.sysctls",
        "machine.kernel.modules",
    }
)


def unsupported(config: Config) -> list[str]:
    """Dotted paths of what is set and not acted on, the highest key that says it, in the order written."""
    return [
        dotted(path)
        for document in config.documents
        for path in _unsupported(PLAN, document.tree, (document.index,), "")
    ]


def supports(pattern: str) -> bool:
    """Whether the node acts on the key at `pattern`, itself or by what is above it."""
    parts = pattern.replace("[]", ".[]").split(".")
    return any(".".join(parts[:end]).replace(".[]", "[]") in ACTED_ON for end in range(1, len(parts) + 1))


def touches(pattern: str) -> bool:
    """Whether the node acts on anything below `pattern`."""
    return any(path.startswith((pattern + ".", pattern + "[")) for path in ACTED_ON)


def _unsupported(plan: Plan, node: Node, path: Path, pattern: str) -> Iterator[Path]:
    if pattern and supports(pattern):
        return
    if pattern and not touches(pattern):
        yield path
    elif isinstance(plan, Keys) and isinstance(node, dict):
        for key, value in node.items():
            if value is not None and value != {} and value != [] and key in plan.fields:
                below = f"{pattern}.{key}" if pattern else key
                yield from _unsupported(plan.fields[key].plan, value, (*path, key), below)
    elif isinstance(plan, List) and isinstance(node, list):
        for index, item in enumerate(node):
            yield from _unsupported(plan.item, item, (*path, index), f"{pattern}[]")
    elif isinstance(plan, Map) and isinstance(node, dict):
        for key, item in node.items():
            yield from _unsupported(plan.item, item, (*path, key), f"{pattern}.*")

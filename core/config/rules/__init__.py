"""What a config as a whole must satisfy, beyond each value being what it claims. A rule is a generator over the typed
document and the tree as written; it names paths, never lines."""

from collections.abc import Iterator

from core.config.problems import Finding
from core.config.rules import cluster, kubernetes, links, machine, network, obsolete, storage
from core.config.rules.base import Context, Tree
from core.config.schema.root import V1Alpha1

_RULES = (
    *machine.RULES,
    *network.RULES,
    *links.RULES,
    *storage.RULES,
    *cluster.RULES,
    *kubernetes.RULES,
    *obsolete.RULES,
)


def check(values: V1Alpha1, tree: Tree, *, role_known: bool = True) -> Iterator[Finding]:
    """Every rule's findings (`role_known`: machine.type could be read); paths start at the document's own keys."""
    context = Context(values, tree, role_known)
    for rule in _RULES:
        yield from rule(context)

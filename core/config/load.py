"""From bytes to a `Config`, or to every problem at once. One pass over libyaml's events, one over the tree; marks are
worked out by another reading when there is something to place."""

from typing import Final

import msgspec

from core.codec.yaml import Path, Stream, YamlErrors, parse
from core.config.documents import Document, identify, repeated
from core.config.kinds import Found, Keys
from core.config.plan import plan
from core.config.problems import ConfigErrors, Finding, Problem, from_yaml, place
from core.config.rules import check
from core.config.schema.controlplanes import ControlPlanesConfig
from core.config.schema.metrics import MetricsConfig
from core.config.schema.root import V1Alpha1

PLAN: Final = plan(V1Alpha1)
"""How a v1alpha1 document is read."""
PLANS: Final[dict[str, Keys]] = {
    "": PLAN,
    "ControlPlanesConfig": plan(ControlPlanesConfig),
    "MetricsConfig": plan(MetricsConfig),
}
"""The same for every kind that is acted on; the v1alpha1 document has none."""


class Config(msgspec.Struct, frozen=True):
    """A machine config: its text, its documents as written, and those that are acted on as typed values."""

    name: str
    text: bytes
    documents: tuple[Document, ...]
    v1alpha1: V1Alpha1
    metrics: MetricsConfig | None = None
    control_planes: ControlPlanesConfig | None = None
    warnings: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"Config({self.name!r}, {self.v1alpha1!r})"

    @property
    def complete(self) -> bool:
        """Whether a node can boot by it: the machine section is there."""
        return any(document.tree.get("machine") is not None for document in self.documents)

    @property
    def is_control_plane(self) -> bool:
        """Whether the machine belongs to the control plane."""
        return self.v1alpha1.machine.type in ("controlplane", "init")


def load(data: bytes, name: str = "config") -> Config:
    """Read and validate. Raises ConfigErrors with every problem."""
    stream = _parse(data, name)
    documents, values, found = _values(stream)
    main = next((document for document in documents if not document.kind), None)
    if main is not None:
        here, tree = (main.index,), main.tree
        wrong = [finding.path for finding in found]
        role_known = (*here, "machine", "type") not in wrong
        written = values.v1alpha1
        rules = (msgspec.structs.replace(f, path=(*here, *f.path)) for f in check(written, tree, role_known=role_known))
        found.extend(finding for finding in rules if not _overlaps(finding.path, wrong))
    return _finish(data, name, stream, documents, values, found)


def read(data: bytes, name: str = "config") -> Config:
    """Read without the rules about the whole: for patches and parts. Raises ConfigErrors with every problem."""
    stream = _parse(data, name)
    documents, values, found = _values(stream)
    return _finish(data, name, stream, documents, values, found)


def _parse(data: bytes, name: str) -> Stream:
    try:
        return parse(data)
    except YamlErrors as error:
        raise ConfigErrors(from_yaml(error, name)) from None


class _Values(msgspec.Struct):
    """What was read, by kind."""

    v1alpha1: V1Alpha1 = V1Alpha1()
    metrics: MetricsConfig | None = None
    control_planes: ControlPlanesConfig | None = None

    def take(self, section: object) -> None:
        if isinstance(section, V1Alpha1):
            self.v1alpha1 = section
        elif isinstance(section, MetricsConfig):
            self.metrics = section
        elif isinstance(section, ControlPlanesConfig):
            self.control_planes = section


def _values(stream: Stream) -> tuple[list[Document], _Values, Found]:
    found: Found = []
    documents: list[Document] = []
    for index, node in enumerate(stream.documents):
        if node is None:
            continue
        document = identify(index, node)
        if isinstance(document, Finding):
            found.append(document)
        else:
            documents.append(document)
    found.extend(repeated(documents))
    if not documents and not found:
        found.append(Finding((), "no config in the text", "start with `machine:`"))
    values = _Values()
    for document in documents:
        if document.kind in PLANS:
            values.take(PLANS[document.kind].read(document.tree, (document.index,), found))
        else:
            message = f"documents of kind {document.kind} are not supported yet"
            found.append(Finding((document.index, "kind"), message, "use the v1alpha1 key where there is one"))
    return documents, values, found


def _finish(data: bytes, name: str, stream: Stream, documents: list[Document], values: _Values, found: Found) -> Config:
    problems = place(found, data, name) if found else []
    if stream.troubles:
        problems.extend(from_yaml(YamlErrors(stream.troubles), name))
    if not all(problem.warning for problem in problems):
        raise ConfigErrors(problem for problem in problems if not problem.warning)
    return Config(name, data, tuple(documents), values.v1alpha1, values.metrics, values.control_planes, tuple(problems))


def _overlaps(path: Path, others: list[Path]) -> bool:
    """Whether a rule speaks of something that could not be read in the first place."""
    return any(path[: len(other)] == other or other[: len(path)] == path for other in others)

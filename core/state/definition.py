"""What is known about a resource type: names, default namespace, spec class, how a client prints it. The automatic
aliases are computed here, so that no list of them is kept by hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from core.base.errors import AlreadyExists, NotFound

if TYPE_CHECKING:
    from types import ModuleType

    from core.state.resource import Spec

    SpecClass = type[Spec]

_TYPE: Final = re.compile(r"([A-Z][A-Za-z0-9]*)\.([a-z0-9.]+)")


class Column(NamedTuple):
    """A column of `get`: heading and JSONPath into the spec."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A resource type. `sensitive` specs are shown to os:admin alone."""

    type: str
    namespace: str
    spec: "SpecClass"
    aliases: tuple[str, ...] = ()
    sensitive: bool = False
    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.type):
            raise ValueError(f"{self.type!r} is not <PluralCamel>.<group>")

    @property
    def id(self) -> str:
        """The id of its ResourceDefinition."""
        return self.type.lower()

    @property
    def plural(self) -> str:
        return self.type.partition(".")[0]

    @property
    def display(self) -> str:
        """The singular, as headings show it."""
        return singular(self.plural)

    @property
    def all_aliases(self) -> tuple[str, ...]:
        """Every short name: plural, plural with each prefix of the group, singular, acronym, the explicit ones."""
        plural, group = self.plural.lower(), self.type.partition(".")[2].split(".")
        prefixed = [".".join([plural, *group[:n]]) for n in range(1, len(group))]
        return tuple(dict.fromkeys([plural, *prefixed, self.display.lower(), *acronyms(self.display), *self.aliases]))


def singular(plural: str) -> str:
    """English, as far as type names need it: Addresses -> Address, Identities -> Identity, Links -> Link."""
    if plural.endswith("ies"):
        return plural[:-3] + "y"
    if plural.endswith(("sses", "tuses", "freshes", "xes")):
        return plural[:-2]
    return plural.removesuffix("s")


def acronyms(name: str) -> list[str]:
    """The capitals in lower case when there are two or more, and with an s: LinkSpec -> ls, VolumeConfig -> vc, vcs."""
    short = "".join(c for c in name if c.isupper()).lower()
    if len(short) < 2:
        return []
    return [short] if short.endswith("s") else [short, short + "s"]


class Registry:
    """All types of a node, by name. Two definitions of one type are refused."""

    def __init__(self, *definitions: Definition) -> None:
        self._types: dict[str, Definition] = {}
        for definition in definitions:
            self.add(definition)

    @staticmethod
    def collect(*modules: "ModuleType") -> "Registry":
        """Every type whose spec class one of these modules, or a module inside one of these packages, defines."""
        return Registry(
            *(
                value.definition
                for module in modules
                for value in vars(module).values()
                if _within(value, module.__name__) and isinstance(_own(value), Definition)
            )
        )

    def add(self, definition: Definition) -> None:
        if definition.id in {d.id for d in self._types.values()}:
            raise AlreadyExists(f"resource type {definition.type} is defined twice")
        self._types[definition.type] = definition

    def __iter__(self) -> Iterator[Definition]:
        return iter(self._types.values())

    def __contains__(self, type_name: str) -> bool:
        return type_name in self._types

    def __getitem__(self, type_name: str) -> Definition:
        try:
            return self._types[type_name]
        except KeyError:
            raise NotFound(f"no resource type {type_name}") from None

    def namespaces(self) -> list[str]:
        """Every default namespace, once."""
        return sorted({definition.namespace for definition in self})


def _own(value: object) -> object:
    return vars(value).get("definition") if isinstance(value, type) else None


def _within(value: object, module: str) -> bool:
    return f"{getattr(value, '__module__', '')}.".startswith(f"{module}.")

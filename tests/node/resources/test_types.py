"""Our resource types against the table of the format's (types.tsv: type, namespace, sensitive, explicit aliases,
acronyms, YAML names in order), and against the messages of the wire."""

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args, get_type_hints

import msgspec
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from core.node.api.resource.message import fields, message_of
from core.node.resources import NAMESPACES, REGISTRY
from core.node.resources.values import Named, OpenNamed
from core.state import Definition, Store
from core.state.definition import acronyms
from tests.support.clock import FakeClock


class Row(NamedTuple):
    type: str
    namespace: str
    sensitive: bool
    aliases: list[str]
    acronyms: list[str]
    names: list[str]


def _rows() -> Iterator[Row]:
    for line in Path(__file__).with_name("types.tsv").read_text().splitlines():
        name, namespace, sensitive, *lists = line.split("\t")
        yield Row(name, namespace, sensitive == "S", *([] if x == "-" else x.split(",") for x in lists))


ROWS: Final = {row.type: row for row in _rows()}
OURS: Final = {definition.type for definition in REGISTRY if definition.type.endswith(".ichor.dev")}
# what the node does not do yet
LATER: Final = {
    "LinkSpecs.net.talos.dev": {"bondMaster", "vrfMaster", "vrfSlave", "wireguard"},
    "LinkStatuses.net.talos.dev": {"bondMaster", "vrfMaster", "wireguard"},
    "OperatorSpecs.net.talos.dev": {"dhcp6"},
    "VolumeConfigs.block.talos.dev": {"encryption", "trimEnabled", "trimInterval", "scrubEnabled", "scrubInterval"},
    "VolumeStatuses.block.talos.dev": {
        "encryptionFailedSyncs",
        "configuredEncryptionKeys",
        "encryptionLockedToState",
        "encryptionSlot",
        "tpmEncryptionOptions",
        "encryptionAllowDiscards",
        "scrubEnabled",
        "scrubInterval",
    },
}
# what the wire carries in a form that we have no use for
NO_FIELD: Final = {"partition_label": "Locator"}

every = pytest.mark.parametrize("definition", list(REGISTRY), ids=lambda d: d.plural)


def test_all_types_are_in_the_table() -> None:
    assert {definition.type for definition in REGISTRY} <= ROWS.keys() | OURS


def test_explicit_aliases_name_one_type() -> None:
    for alias in (alias for definition in REGISTRY for alias in definition.aliases):
        assert len([d.type for d in REGISTRY if alias in d.all_aliases]) == 1, alias


@every
def test_definition(definition: Definition) -> None:
    assert acronyms(definition.display) == (
        ROWS[definition.type].acronyms if definition.type in ROWS else acronyms(definition.display)
    )
    if definition.type in OURS:
        return
    row = ROWS[definition.type]
    assert (definition.namespace, definition.sensitive) == (row.namespace, row.sensitive)
    assert set(row.aliases) <= set(definition.all_aliases)


@every
def test_yaml_names(definition: Definition) -> None:
    ours = set(definition.spec.__struct_encode_fields__)
    if definition.type in OURS or hasattr(definition.spec, "scalar") or not ROWS[definition.type].names:
        return
    theirs = set(ROWS[definition.type].names)
    assert ours <= theirs
    assert theirs - ours == LATER.get(definition.type, set())


@every
def test_columns_point_at_fields(definition: Definition) -> None:
    if hasattr(definition.spec, "scalar"):  # columns point into what it stands for
        return
    for column in definition.columns:
        first = column.path.strip("{}").strip(".").partition(".")[0].partition("[")[0]
        assert first in (*definition.spec.__struct_encode_fields__, ""), column


@every
def test_every_attribute_has_its_field(definition: Definition) -> None:
    descriptor = message_of(definition.spec)
    if descriptor is not None:
        _check_struct(definition.spec, descriptor)
    else:  # ours, and those which say all by being there
        assert definition.type in OURS or not definition.spec.__struct_fields__


def _check_struct(cls: type[msgspec.Struct], descriptor: Descriptor) -> None:
    found = dict(fields(cls, descriptor))
    missing = set(cls.__struct_fields__) - found.keys()
    assert all(NO_FIELD.get(name) == cls.__name__ for name in missing), missing
    for attribute, hint in get_type_hints(cls).items():
        if attribute not in found:
            continue
        field = found[attribute]
        for part in _parts(hint):
            if issubclass(part, msgspec.Struct):
                _check_struct(part, _value(field))
            elif issubclass(part, Named):
                assert field.enum_type is not None
                _check_enum(part, {value.number for value in field.enum_type.values})


def _value(field: FieldDescriptor) -> Any:
    """The message that a field holds; of a map, what its values are."""
    held = field.message_type
    return held.fields_by_name["value"].message_type if held.GetOptions().map_entry else held


def _parts(hint: Any) -> Iterator[type]:
    if isinstance(hint, type):
        yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _check_enum(cls: type[Named], numbers: set[int]) -> None:
    ours = {int(member) for member in cls}
    assert ours <= numbers | ({0} if cls.__members__.get("UNSPECIFIED") == 0 else set())
    assert issubclass(cls, OpenNamed) or numbers <= ours


def _enums(cls: type[enum.Enum] = Named) -> Iterator[type[enum.Enum]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _enums(sub)


def test_texts_of_an_enumeration_are_different() -> None:
    for cls in _enums():
        texts = [str(member) for member in cls]
        assert len(set(texts)) == len(texts), cls


def test_a_store_of_all_types_describes_them() -> None:
    store = Store(REGISTRY, FakeClock(), NAMESPACES)
    assert set(store.registry.namespaces()) - NAMESPACES.keys() == set()

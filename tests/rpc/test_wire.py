"""Every message, field, enum value and call of the .proto sources against `wire.digests`: one digest for each
definition, made from the facts of the API that unmodified clients speak."""

import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)

ROOT = Path(__file__).parents[2]
PB = ROOT / "core/rpc/pb"
# other programs', and our own
FOREIGN = ("containerd", "cri", "discovery", "etcd", "metrics", "recovery", "trust")
SCALARS = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}
STREAMING = {
    (False, False): "unary",
    (False, True): "server-stream",
    (True, False): "client-stream",
    (True, True): "bidi",
}


def test_every_definition_has_the_digest_of_the_facts() -> None:
    expected = dict(line.rsplit(" ", 1) for line in (ROOT / "tests/rpc/wire.digests").read_text().splitlines())
    found = dict(_digests())
    assert {name for name in expected if found.get(name) != expected[name]} == set()
    assert set(found) == set(expected)


def _digests() -> Iterator[tuple[str, str]]:
    for proto in sorted(PB.rglob("*.proto")):
        if proto.relative_to(PB).parts[0] not in FOREIGN:
            name = ".".join(proto.relative_to(ROOT).with_suffix("").parts) + "_pb2"
            for kind, full_name, lines in _definitions(importlib.import_module(name).DESCRIPTOR):
                text = "\n".join([kind, str(proto.relative_to(PB)), *sorted(lines)])
                yield full_name, hashlib.sha256(text.encode()).hexdigest()[:16]


def _definitions(file: FileDescriptor) -> Iterator[tuple[str, str, list[str]]]:
    for service in file.services_by_name.values():
        yield "service", service.full_name, [_method(m) for m in service.methods]
    for message in file.message_types_by_name.values():
        yield from _message(message)
    for enum in file.enum_types_by_name.values():
        yield _enum(enum)
    for extension in file.extensions_by_name.values():
        lines = [f"{extension.name} {extension.number} {SCALARS[extension.type]}"]
        yield "extend", f"extend {extension.containing_type.full_name}", lines


def _message(message: Descriptor) -> Iterator[tuple[str, str, list[str]]]:
    if message.GetOptions().map_entry:
        return
    yield "message", message.full_name, [_field(f) for f in message.fields]
    for nested in message.nested_types:
        yield from _message(nested)
    for enum in message.enum_types:
        yield _enum(enum)


def _enum(enum: EnumDescriptor) -> tuple[str, str, list[str]]:
    lines = [f"{v.name} {v.number}{' deprecated' if v.GetOptions().deprecated else ''}" for v in enum.values]
    return "enum", enum.full_name, lines


def _method(method: MethodDescriptor) -> str:
    mode = STREAMING[method.client_streaming, method.server_streaming]
    deprecated = " deprecated" if method.GetOptions().deprecated else ""
    return f"{method.name} {mode} {method.input_type.full_name} -> {method.output_type.full_name}{deprecated}"


def _field(field: FieldDescriptor) -> str:
    entry = field.message_type if field.message_type and field.message_type.GetOptions().map_entry else None
    oneof = field.containing_oneof
    explicit = oneof is not None and oneof.name == f"_{field.name}"
    label = "map" if entry else "repeated" if field.is_repeated else "presence" if explicit else "singular"
    flags = [f"oneof={oneof.name}"] if oneof is not None and not explicit else []
    flags += ["deprecated"] if field.GetOptions().deprecated else []
    kind = _map(entry) if entry else _type(field)
    return " ".join(part for part in (field.name, str(field.number), label, kind, ",".join(flags)) if part)


def _map(entry: Descriptor) -> str:
    key, value = (entry.fields_by_name[name] for name in ("key", "value"))
    return f"map<{_type(key)},{_type(value).rpartition(':')[2]}>"


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return f"msg:{field.message_type.full_name}"
    if field.enum_type is not None:
        return f"enum:{field.enum_type.full_name}"
    return SCALARS[field.type]

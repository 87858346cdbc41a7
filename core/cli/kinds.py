"""Resources and their types: finding the type that a person means by its names, and values as people read them."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from core.base.errors import Invalid, NotFound
from core.cli.target import Node
from core.codec import yaml
from core.rpc.pb.v1alpha1 import resource_pb2
from core.rpc.pb.v1alpha1 import state_pb2 as state


class Column(msgspec.Struct, frozen=True, rename="camel"):
    """A column of a type's table."""

    name: str
    json_path: str


class Definition(msgspec.Struct, frozen=True, rename="camel"):
    """A resource type as the node describes it."""

    type: str
    display_type: str = ""
    default_namespace: str = ""
    all_aliases: tuple[str, ...] = ()
    print_columns: tuple[Column, ...] = ()
    sensitivity: str = "unknown"
    """Nothing, for what anybody may see who may read."""


async def every(node: Node) -> AsyncIterator[Definition]:
    """All types."""
    async for resource in listed(node, "ResourceDefinitions.meta.cosi.dev", "meta"):
        yield msgspec.convert(yaml.load(resource.spec.yaml_spec.encode()), Definition)


async def listed(node: Node, type_: str, namespace: str) -> AsyncIterator[resource_pb2.Resource]:
    """The resources of a type."""
    request = state.ListRequest(namespace=namespace, type=type_)
    async for answer in node.stream("cosi.resource.State/List", request, state.ListResponse):
        yield answer.resource


def plain(resource: resource_pb2.Resource) -> dict[str, Any]:
    """A resource as people read it: what its metadata says, and its spec."""
    md = resource.metadata
    shown = {
        "namespace": md.namespace,
        "type": md.type,
        "id": md.id,
        "version": md.version,
        "owner": md.owner,
        "phase": md.phase,
        "labels": dict(md.labels),
        "finalizers": list(md.finalizers),
    }
    return {"metadata": {k: v for k, v in shown.items() if v}, "spec": spec(resource)}


def spec(resource: resource_pb2.Resource) -> Any:
    """Its spec as plain values."""
    return yaml.builtins(yaml.load(resource.spec.yaml_spec.encode())) if resource.spec.yaml_spec else None


async def find(node: Node, name: str) -> Definition:
    """The one type of that name. Raises NotFound, or Invalid when several have the alias."""
    wanted, found = name.lower(), []
    async for definition in every(node):
        if definition.type.lower() == wanted:
            return definition
        if wanted in definition.all_aliases:
            found.append(definition)
    if not found:
        raise NotFound(f"there is no resource type {name!r}", remedy="list them: ichorctl get rd")
    if len(found) > 1:
        types = ", ".join(sorted(definition.type.lower() for definition in found))
        raise Invalid(f"{name!r} may be any of {types}", remedy="name one in full")
    return found[0]

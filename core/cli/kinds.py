"""Finding the resource type that a person means: asks the node for its definitions and matches names and aliases."""

import msgspec

from core.base.errors import Invalid, NotFound
from core.cli.target import Node
from core.codec import yaml
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


async def find(node: Node, name: str) -> Definition:
    """The one type of that name. Raises NotFound, or Invalid when several have the alias."""
    wanted, found = name.lower(), []
    request = state.ListRequest(namespace="meta", type="ResourceDefinitions.meta.cosi.dev")
    async for answer in node.stream("cosi.resource.State/List", request, state.ListResponse):
        definition = msgspec.convert(yaml.load(answer.resource.spec.yaml_spec.encode()), Definition)
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

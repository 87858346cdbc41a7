"""The two resource types about resources: namespaces and resource definitions. The store keeps them itself."""

import msgspec

from core.state.definition import Column, Definition
from core.state.resource import Resource, Spec, resource

NAMESPACE = "meta"
OWNER = "meta"


@resource(
    "Namespaces.meta.cosi.dev",
    NAMESPACE,
    aliases=("ns",),
    columns=(Column("Description", "{.description}"),),
)
class Namespace(Spec, frozen=True):
    """A namespace exists."""

    description: str = ""


class PrintColumn(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Heading and JSONPath."""

    name: str
    json_path: str


@resource(
    "ResourceDefinitions.meta.cosi.dev",
    NAMESPACE,
    aliases=("api-resources",),
    columns=(Column("Aliases", "{.aliases[:]}"),),
)
class ResourceDefinition(Spec, frozen=True):
    """A resource type exists; clients resolve the names people type with it."""

    resource_type: str = msgspec.field(name="type")
    display_type: str
    default_namespace: str
    aliases: tuple[str, ...]
    all_aliases: tuple[str, ...]
    print_columns: tuple[PrintColumn, ...]
    sensitivity: str = ""


def describe(definition: Definition) -> Resource[ResourceDefinition]:
    """The resource that tells clients of a type."""
    spec = ResourceDefinition(
        resource_type=definition.type,
        display_type=definition.display,
        default_namespace=definition.namespace,
        aliases=definition.aliases,
        all_aliases=definition.all_aliases,
        print_columns=tuple(PrintColumn(name=c.name, json_path=c.path) for c in definition.columns),
        sensitivity="sensitive" if definition.sensitive else "",
    )
    return Resource.of(definition.id, spec)

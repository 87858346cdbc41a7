"""Typed resources: a spec class says once what its type is, and a resource is metadata plus such a spec. Specs are
frozen, so that a value handed out by the store can be kept and compared but never changed behind its back."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Generic, Self, TypeVar

import msgspec
from msgspec.structs import replace

from core.state.definition import Column, Definition
from core.state.metadata import Kind, Metadata, Pointer


class Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all specs. Attribute names are the wire's field names, `rename` gives the YAML ones."""

    definition: ClassVar[Definition]

    @classmethod
    def at(cls, id: str, namespace: str = "") -> Pointer[Self]:  # noqa: A002 - it is the field's name
        """The resource of this type with `id`, in the type's own namespace unless told."""
        return Pointer(namespace or cls.definition.namespace, cls.definition.type, id)

    @classmethod
    def all(cls, namespace: str = "") -> Kind[Self]:
        """All resources of this type, in the type's own namespace unless told."""
        return Kind(namespace or cls.definition.namespace, cls.definition.type)


S = TypeVar("S", bound=Spec, covariant=True)
C = TypeVar("C", bound=type[Spec])


class Resource(msgspec.Struct, Generic[S], frozen=True):
    """One resource as it was at one version."""

    md: Metadata
    spec: S

    @staticmethod
    def of(
        id: str,  # noqa: A002 - it is the field's name
        spec: "T",
        *,
        namespace: str = "",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> "Resource[T]":
        """A resource that the store has not seen yet."""
        definition = spec.definition
        md = Metadata(
            namespace=namespace or definition.namespace,
            type=definition.type,
            id=id,
            labels=dict(labels or {}),
            annotations=dict(annotations or {}),
        )
        return Resource(md, spec)

    def with_spec(self, spec: "T") -> "Resource[T]":
        """The same resource at the same version with another spec, as `Store.update` wants it."""
        return Resource(self.md, spec)

    def with_labels(self, labels: Mapping[str, str]) -> "Resource[S]":
        """The same resource with these labels in place of its own."""
        return Resource(replace(self.md, labels=dict(labels)), self.spec)


T = TypeVar("T", bound=Spec)


def resource(
    type: str,  # noqa: A002 - it is the field's name
    namespace: str,
    *,
    aliases: tuple[str, ...] = (),
    sensitive: bool = False,
    columns: tuple[Column, ...] = (),
) -> Callable[[C], C]:
    """Class decorator: this spec is the one of resource `type` ("LinkStatuses.net.talos.dev"), which lives in
    `namespace` unless a pointer says otherwise."""

    def define(cls: C) -> C:
        cls.definition = Definition(type, namespace, cls, aliases, sensitive, columns)
        return cls

    return define

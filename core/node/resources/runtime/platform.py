"""Where the node runs, what META says, what the image contains."""

from collections.abc import Mapping

import msgspec

from core.state import Column, Spec, resource


@resource(
    "PlatformMetadatas.talos.dev",
    "runtime",
    columns=(
        Column("Platform", "{.platform}"),
        Column("Type", "{.instanceType}"),
        Column("Region", "{.region}"),
        Column("Zone", "{.zone}"),
    ),
)
class PlatformMetadata(Spec, frozen=True):
    """What the platform tells of this machine (id `platformmetadata`)."""

    platform: str
    hostname: str = ""
    region: str = ""
    zone: str = ""
    instance_type: str = ""
    instance_id: str = ""
    provider_id: str = ""
    spot: bool = False
    internal_dns: str = msgspec.field(name="internalDNS", default="")
    external_dns: str = msgspec.field(name="externalDNS", default="")
    tags: Mapping[str, str] = {}


@resource("MetaKeys.runtime.talos.dev", "runtime", aliases=("meta",), columns=(Column("Value", "{.value}"),))
class MetaKey(Spec, frozen=True):
    """A key of META (id: its number as 0x%02x)."""

    value: str


@resource("MetaLoads.runtime.talos.dev", "runtime", columns=(Column("Done", "{.done}"),))
class MetaLoaded(Spec, frozen=True):
    """META was read, or is known to be absent (id `meta-loaded`)."""

    done: bool = False


@resource("UniqueMachineTokens.runtime.talos.dev", "runtime")
class UniqueMachineToken(Spec, frozen=True):
    """A token that META carries for this machine alone (id `unique-machine-token`)."""

    token: str = ""


@resource("SBOMItems.talos.dev", "runtime", columns=(Column("Version", "{.version}"), Column("License", "{.license}")))
class SBOMItem(Spec, frozen=True):
    """A package in the image."""

    name: str
    version: str = ""
    license: str = ""
    cpes: tuple[str, ...] = ()
    purls: tuple[str, ...] = ()
    extension: bool = False

"""Names of types, as clients type them."""

import pytest

from core.base.errors import AlreadyExists, NotFound
from core.state import Definition, Registry
from core.state.definition import acronyms, singular
from tests.state.conformance import OtherThing, Thing


@pytest.mark.parametrize(
    ("plural", "one", "short"),
    [
        ("LinkSpecs", "LinkSpec", ["ls"]),
        ("LinkStatuses", "LinkStatus", ["ls"]),
        ("VolumeConfigs", "VolumeConfig", ["vc", "vcs"]),
        ("Identities", "Identity", []),
        ("BootedEntries", "BootedEntry", ["be", "bes"]),
        ("NodeAddresses", "NodeAddress", ["na", "nas"]),
        ("LinkRefreshes", "LinkRefresh", ["lr", "lrs"]),
        ("NodeIPs", "NodeIP", ["nip", "nips"]),
        ("CertSANs", "CertSAN", ["csan", "csans"]),
        ("PKIStatuses", "PKIStatus", ["pkis"]),
        ("OSRootSecrets", "OSRootSecret", ["osrs"]),
        ("DNSUpstreams", "DNSUpstream", ["dnsu", "dnsus"]),
        ("Disks", "Disk", []),
    ],
)
def test_singular_and_acronym(plural: str, one: str, short: list[str]) -> None:
    assert singular(plural) == one
    assert acronyms(one) == short


def test_all_aliases() -> None:
    definition = Definition("AddressStatuses.net.talos.dev", "network", Thing, aliases=("address", "addresses"))
    assert definition.all_aliases == (
        "addressstatuses",
        "addressstatuses.net",
        "addressstatuses.net.talos",
        "addressstatus",
        "as",
        "address",
        "addresses",
    )
    assert definition.id == "addressstatuses.net.talos.dev"


@pytest.mark.parametrize("wrong", ["things", "Things", "things.test", "Things.", "Things.Test.dev"])
def test_odd_type_names_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not <PluralCamel>"):
        Definition(wrong, "test", Thing)


def test_a_type_is_defined_once() -> None:
    with pytest.raises(AlreadyExists):
        Registry(Thing.definition, OtherThing.definition, Thing.definition)


def test_registry() -> None:
    registry = Registry(Thing.definition)
    assert "Things.test.ichor.dev" in registry
    assert registry["Things.test.ichor.dev"].spec is Thing
    with pytest.raises(NotFound):
        registry["OtherThings.test.ichor.dev"]

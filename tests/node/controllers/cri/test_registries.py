"""What `machine.registries` becomes, and when the container runtime is renewed for it."""

import msgspec

from core.config import generate
from core.config.load import load
from core.config.merge import merge
from core.node.controllers.cri import Credentials, RegistryFiles, logins, registries
from core.node.resources.config import MachineConfig
from core.node.resources.cri import RegistriesConfig
from core.node.resources.files import EtcFileSpec
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle

CONFIG = load(
    generate.control_plane(generate.new_secrets(1_700_000_000.0), generate.Options(name="c", endpoint="https://x:6443"))
)


class Node(House):
    """The domain, with a containerd that was started with `used`."""

    def __init__(self, used: dict[str, dict[str, str]]) -> None:
        self.used, self.renewed = used, 0
        controllers = [registries(), RegistryFiles(), Credentials(self._stale, self._renew)]
        super().__init__(FakeClock(), controllers)

    def told(self, **asked: object) -> None:
        patch = msgspec.json.encode({"machine": {"registries": asked}})
        self.put("v1alpha1", MachineConfig(yaml_marshalled=merge(CONFIG, patch).text))

    def _stale(self) -> bool:
        return self.used != logins(self.store)

    async def _renew(self) -> None:
        self.used, self.renewed = logins(self.store), self.renewed + 1


@on_loop
async def test_a_change_of_credentials_renews_and_nothing_else_does() -> None:
    node = Node({})
    async with node.running():
        node.told(mirrors={"a.b": {"endpoints": ["https://c"]}})
        await settle()
        assert list(node.all(EtcFileSpec)) == ["cri/conf.d/hosts/a.b/hosts.toml"]
        assert node.renewed == 0
        node.told(config={"a.b": {"auth": {"username": "u", "password": "p"}}, "c": {"auth": {"identityToken": "t"}}})
        await settle()
        assert not node.all(EtcFileSpec)
        assert (node.used, node.renewed) == (
            {"a.b": {"username": "u", "password": "p"}, "c": {"identitytoken": "t"}},
            1,
        )
        node.told()
        await settle()
        assert (node.used, node.renewed) == ({}, 2)


@on_loop
async def test_a_machined_that_comes_back_leaves_the_runtime_alone() -> None:
    node = Node({"a.b": {"auth": "dTpw"}})
    async with node.running():
        await settle()
        assert node.one(RegistriesConfig, "registries") is None
        assert node.renewed == 0
        node.told(config={"a.b": {"auth": {"auth": "dTpw"}}})
        await settle()
        assert node.one(RegistriesConfig, "registries") is not None
        assert node.renewed == 0

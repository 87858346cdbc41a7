"""The node's part of test_pull about registries, run as PID 1 of namespaces of its own: what `machine.registries` says,
by the controllers, to the image's containerd, to registries with and without TLS. Says `ok` when all of it held."""

import asyncio
import base64
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from core.base.clock import SystemClock
from core.base.errors import IchorError
from core.config import generate
from core.config.load import load
from core.config.merge import merge
from core.node.containers.client import Containerd
from core.node.containers.pull import Pulls
from core.node.controllers import cri
from core.node.controllers.cri import hosts
from core.node.controllers.files import etc_files
from core.node.resources.config import MachineConfig
from core.node.resources.cri import RegistriesConfig
from core.node.services import containerd as runtime
from core.node.services.supervisor import Supervisor
from tests.node.containers import oci
from tests.node.containers.house import ETC, REGISTRIES, Table, furnish, machined, root
from tests.node.controllers.house import House
from tests.rpc import pki
from tests.support.registry import PASSWORD, USER, Registry, Tls, registry

CONFIG = load(
    generate.control_plane(generate.new_secrets(1_700_000_000.0), generate.Options(name="c", endpoint="https://x:6443"))
)
SERVED = "127.0.0.1:5443"
LOGIN = {"username": USER, "password": PASSWORD}
IMAGE = oci.layout([oci.layer({"etc/motd": b"small\n"})], "x")


def pem(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class Node:
    """What the cases need."""

    house: House
    containerd: Containerd
    supervisor: Supervisor
    file: Path
    settings: runtime.Settings

    async def told(self, **registries: Any) -> None:
        """Apply a config with other registries; come back when containerd knows."""
        before = self.house.one(RegistriesConfig, "registries")
        patch = msgspec.json.encode({"machine": {"registries": registries}})
        self.house.put("v1alpha1", MachineConfig(yaml_marshalled=merge(CONFIG, patch).text))
        await self.house.until(lambda: self.house.one(RegistriesConfig, "registries") != before)
        await self.house.until(self.written)
        async with asyncio.timeout(30):
            await self.supervisor.unit("cri").until(lambda unit: unit.up and not self.stale())

    def written(self) -> bool:
        """What the last config asks for is on disk, and nothing else."""
        known = self.house.one(RegistriesConfig, "registries")
        disk = {str(p.relative_to(REGISTRIES)): p.read_bytes() for p in REGISTRIES.rglob("*") if p.is_file()}
        return known is not None and disk == {path: data for path, (data, _) in hosts.files(known).items()}

    def stale(self) -> bool:
        return runtime.stale(self.settings, cri.logins(self.house.store), self.file)

    async def refuses(self, name: str, *texts: str) -> None:
        try:
            await Pulls(self.containerd).pull("system", name)
        except IchorError as error:
            assert any(text in str(error) for text in texts), error
        else:
            raise AssertionError(f"{name} was pulled")

    async def pulls(self, *names: str) -> None:
        for name in names:
            assert await Pulls(self.containerd).pull("system", name) == name


async def mirrors(node: Node, plain: Registry) -> None:
    """In their order, then the registry itself or not; all others; a path of one's own; and gone again."""
    plain.push(IMAGE, "lib/a", "1")
    plain.push(IMAGE, "mirrored/lib/b", "1")
    closed = "http://127.0.0.1:9"
    await node.told(mirrors={"one.test": {"endpoints": [plain.url]}})
    await node.pulls("one.test/lib/a:1")
    await node.refuses("one.test/lib/b:1", "lookup one.test")  # the registry itself, unknown here
    await node.refuses("two.test/lib/a:1", "lookup two.test")
    await node.told(
        mirrors={
            "one.test": {"endpoints": [plain.url], "skipFallback": True},
            "own.test": {"endpoints": [f"{plain.url}/v2/mirrored"], "overridePath": True},
            "none.test": {"skipFallback": True},
            "*": {"endpoints": [closed, plain.url], "skipFallback": True},
        }
    )
    await node.refuses("one.test/lib/b:1", "not found")
    await node.pulls("own.test/lib/b:1", "two.test/lib/a:1", "docker.io/lib/a:1")
    await node.refuses("none.test/lib/a:1", "no available registry endpoint", "no resolve host", "no pull hosts")
    await node.refuses("three.test/lib/b:1", "connection refused")  # what went wrong first
    await node.told()
    await node.refuses("two.test/lib/a:1", "lookup two.test")
    assert not REGISTRIES.exists()


async def secured(node: Node, folder: Path) -> None:
    """An authority of one's own, a password, a certificate to show: without any of them nothing comes."""
    authority = pki.authority("ecdsa")
    served = pki.issue(authority, kind="ecdsa", usage=(pki.SERVER, pki.CLIENT))
    shown = pki.issue(authority, kind="ecdsa", usage=(pki.CLIENT,))
    for name, data in (("ca", authority.pem), ("crt", served.pem), ("key", served.key)):
        (folder / name).write_bytes(data)
    tls = Tls(folder / "crt", folder / "key", clients=folder / "ca")
    mirror = {"s.test": {"endpoints": [f"https://{SERVED}"], "skipFallback": True}}
    known = {"ca": pem(authority.pem), "clientIdentity": {"crt": pem(shown.pem), "key": pem(shown.key)}}
    with registry(folder / "secured", SERVED, tls=tls, password=True) as secure:
        secure.push(IMAGE, "lib/a", "1")
        name, unit = "s.test/lib/a:1", node.supervisor.unit("containerd")
        first = unit.record.pid
        await node.told(mirrors=mirror)
        await node.refuses(name, "unknown authority")
        await node.told(mirrors=mirror, config={SERVED: {"tls": {"ca": known["ca"]}}})
        await node.refuses(name, "certificate required", "bad certificate")
        await node.told(mirrors=mirror, config={SERVED: {"tls": known}})
        await node.refuses(name, "no basic auth credentials", "401")
        assert unit.record.pid == first  # all that went without a new containerd
        await node.told(mirrors=mirror, config={SERVED: {"tls": known, "auth": LOGIN | {"password": "guessed"}}})
        await node.refuses(name, "401", "authorization failed", "no basic auth credentials")
        await node.told(mirrors=mirror, config={SERVED: {"tls": known, "auth": LOGIN}})
        await node.pulls(name)
        whole = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        careless = known | {"ca": "", "insecureSkipVerify": True}
        await node.told(mirrors=mirror, config={SERVED: {"tls": careless, "auth": {"auth": whole}}})
        await node.pulls(name)
        assert (unit.record.restarts, unit.record.pid == first) == (0, False)
    keys = {path.name: path.stat().st_mode & 0o777 for path in REGISTRIES.rglob("*.pem")}
    assert set(keys.values()) == {0o600, 0o644}
    assert all(mode == 0o600 for name, mode in keys.items() if "key" in name)
    assert node.file.stat().st_mode & 0o777 == 0o600


async def main() -> None:
    programs, work, group = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    furnish(work)
    root(programs, work)
    clock = SystemClock()
    started: list[Supervisor] = []
    settings: list[runtime.Settings] = []
    file = work / "config.toml"

    async def renew() -> None:
        await started[0].renew("containerd")

    def stale() -> bool:
        return runtime.stale(settings[0], auths(), file)

    controllers = [cri.registries(), cri.RegistryFiles(), cri.Credentials(stale, renew), etc_files(ETC)]
    house = House(clock, controllers)
    auths = partial(cri.logins, house.store)
    with registry(Path("/run/registry"), "127.0.0.1:5000") as plain:
        async with machined(programs, work, group, Table(), auths) as (supervisor, containerd, used, _):
            started.append(supervisor)
            settings.append(used)
            await containerd.make_namespaces()
            async with house.running():
                node = Node(house, containerd, supervisor, file, used)
                await mirrors(node, plain)
                await secured(node, work)
    print("ok")


asyncio.run(main())

"""The parts of Kubernetes that nodes run, in the order in which they are taken to another version: where a config says
their image, on which nodes they are, where a node keeps that image. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from core.cluster.kubernetes import controlplane
from core.config import images
from core.config.load import Config
from core.config.schema.root import V1Alpha1


class Kind(Enum):
    """How a part is run: as a static pod, by a manifest that is the whole cluster's, as a service."""

    POD = 1
    MANIFEST = 2
    SERVICE = 3


class Section(Protocol):
    """What a config says of a part."""

    @property
    def image(self) -> str: ...

    @property
    def extra_args(self) -> Mapping[str, Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class Component:
    """`place` is its section in a config; `published` the image of a config that names none."""

    name: str
    kind: Kind
    place: tuple[str, str]
    section: Callable[[V1Alpha1], Section]
    absent: Callable[[V1Alpha1], bool]
    published: str

    @property
    def namespace(self) -> str:
        """Whose image it is on a node that runs it, as `ichorctl image --namespace` names it."""
        return "system" if self.kind is Kind.SERVICE else "cri"

    def runs(self, config: Config) -> bool:
        """Whether a node of this config says what image of it is run."""
        leads = config.is_control_plane or self.kind is Kind.SERVICE
        return leads and not self.absent(config.v1alpha1)

    def image(self, config: Config) -> str:
        """What is run by this config."""
        return self.section(config.v1alpha1).image or self.published

    def told(self, config: Config) -> Mapping[str, Sequence[str]]:
        """The flags that an operator adds."""
        return self.section(config.v1alpha1).extra_args

    def patch(self, image: str) -> dict[str, Any]:
        """What makes a config say another image."""
        above, name = self.place
        return {above: {name: {"image": image}}}


def _pod(name: str, key: str, section: Callable[[V1Alpha1], Section], absent: Callable[[V1Alpha1], bool]) -> Component:
    return Component(name, Kind.POD, ("cluster", key), section, absent, images.program(name))


APISERVER: Final = _pod(controlplane.APISERVER, "apiServer", lambda c: c.cluster.api_server, lambda _: False)
PROXY: Final = Component(
    "kube-proxy",
    Kind.MANIFEST,
    ("cluster", "proxy"),
    lambda c: c.cluster.proxy,
    lambda c: c.cluster.proxy.disabled,
    images.program("kube-proxy"),
)
KUBELET: Final = Component(
    "kubelet", Kind.SERVICE, ("machine", "kubelet"), lambda c: c.machine.kubelet, lambda _: False, images.KUBELET
)
COMPONENTS: Final = (
    APISERVER,
    _pod(
        controlplane.CONTROLLER_MANAGER,
        "controllerManager",
        lambda c: c.cluster.controller_manager,
        lambda c: c.machine.control_plane.controller_manager.disabled,
    ),
    _pod(
        controlplane.SCHEDULER,
        "scheduler",
        lambda c: c.cluster.scheduler,
        lambda c: c.machine.control_plane.scheduler.disabled,
    ),
    PROXY,
    KUBELET,
)

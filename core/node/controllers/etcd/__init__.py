"""etcd: what it shall be, from the config and the network, its keys as files, and what it is, from itself."""

from collections.abc import Awaitable, Callable

from core.node.controllers.etcd.config import etcd_config
from core.node.controllers.etcd.member import MemberController
from core.node.controllers.etcd.outlived import Outlived
from core.node.controllers.etcd.peer import AdvertisedPeer
from core.node.controllers.etcd.pki import PKIFiles
from core.node.controllers.etcd.spec import etcd_spec
from core.node.etcd.place import Place
from core.state import Controller

__all__ = ["PKIFiles", "etcd"]


def etcd(place: Place, renew: Callable[[], Awaitable[None]]) -> list[Controller]:
    """All controllers of the domain; `renew` ends etcd for it to be started anew."""
    return [
        etcd_config(),
        etcd_spec(),
        PKIFiles(),
        MemberController(place),
        AdvertisedPeer(place),
        Outlived(place, renew),
    ]

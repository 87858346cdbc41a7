"""Who may call what, as data. Roles are the O values of a client certificate; apid decides by this table before it
forwards, machined asks it again, and looks at the roles where a resource is sensitive."""

from collections.abc import Collection, Iterable
from typing import Final

from core.pki.roles import Role

ADMIN: Final = Role.ADMIN
OPERATOR: Final = Role.OPERATOR
READER: Final = Role.READER
ETCD_BACKUP: Final = Role.ETCD_BACKUP
IMAGE_VERIFIER: Final = Role.IMAGE_VERIFIER
META_WRITER: Final = Role.META_WRITER
IMPERSONATOR: Final = Role.IMPERSONATOR
NOT_AUTHORIZED: Final = "not authorized"
HEADER: Final = "talos-role"  # metadata in which apid tells machined the roles of its caller, one value each

METRICS: Final = "/ichor.metrics.Metrics/Read"  # apid asks it for who may GET the page
METRICS_PAGE: Final = "/metrics"

_MACHINE: Final = "/machine.MachineService/"
_ADMIN: Final = frozenset((ADMIN,))
_OPERATOR: Final = _ADMIN | {OPERATOR}
_READER: Final = _OPERATOR | {READER}


def _methods(service: str, names: str, roles: frozenset[str]) -> dict[str, frozenset[str]]:
    return {f"/{service}/{name}": roles for name in names.split()}


# methods that are not here are for os:admin
RULES: Final[dict[str, frozenset[str]]] = {
    **_methods(
        "machine.MachineService",
        "CPUInfo CPUFreqStats Containers DiskStats DiskUsage Dmesg Events Hostname ImageList List LoadAvg Logs"
        " LogsContainers Memory Mounts NetworkDeviceStats Netstat Processes ServiceList Stats SystemStat Version",
        _READER,
    ),
    **_methods("machine.MachineService", "EtcdAlarmList EtcdMemberList EtcdStatus", _READER | {ETCD_BACKUP}),
    **_methods(
        "machine.MachineService",
        "EtcdAlarmDisarm EtcdDefragment ImagePull PacketCapture Reboot Restart ServiceRestart ServiceStart ServiceStop"
        " Shutdown",
        _OPERATOR,
    ),
    **_methods("machine.MachineService", "EtcdSnapshot", _OPERATOR | {ETCD_BACKUP}),
    **_methods("machine.MachineService", "MetaWrite MetaDelete", _ADMIN | {META_WRITER}),
    **_methods("machine.ImageService", "List", _READER),
    **_methods("machine.ImageService", "Verify", _READER | {IMAGE_VERIFIER}),
    **_methods("machine.ImageService", "Pull", _OPERATOR),
    **_methods("machine.StorageService", "Statfs", _READER),
    **_methods("cluster.ClusterService", "HealthCheck", _READER),
    **_methods("inspect.InspectService", "ControllerRuntimeDependencies", _READER),
    **_methods("storage.StorageService", "Disks", _READER),
    **_methods("time.TimeService", "Time TimeCheck", _READER),
    **_methods("cosi.resource.State", "Get List Watch", _READER),
    METRICS: _READER,
    METRICS_PAGE: _READER,
}
# what only a config switches on: nobody's on a node without one
CONFIGURED: Final = frozenset((METRICS, METRICS_PAGE))

# what a node without config lets a reader do, for that is what everybody is then
MAINTENANCE: Final = frozenset(
    (
        f"{_MACHINE}ApplyConfiguration",
        "/storage.StorageService/BlockDeviceWipe",
        *_methods("machine.LVMService", "LogicalVolumeRemove VolumeGroupRemove PhysicalVolumeRemove", _ADMIN),
        "/machine.MDService/Destroy",
    )
)


def allowed(method: str, roles: Collection[str], maintenance: bool = False) -> bool:
    """Whether somebody with these roles may call `method` ("/machine.MachineService/Version")."""
    needed = RULES.get(method, _ADMIN)
    if maintenance and method in MAINTENANCE:
        needed = needed | {READER}
    elif maintenance and method in CONFIGURED:
        return False
    return not needed.isdisjoint(roles)


def forwarded(metadata: Iterable[tuple[str, str | bytes]]) -> frozenset[str]:
    """The roles that apid put into a request's metadata. To be believed from apid alone."""
    return frozenset(value for key, value in metadata if key == HEADER and isinstance(value, str) and value.strip())

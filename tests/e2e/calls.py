"""Every method that is real, as a user's client calls it, with what must be seen in the answer; and every command of
the format's client whose subsystem exists, as the calls it makes, in order. Read by the tests that make the calls and
by the page that lists them (docs/api.md), so that neither knows of a call that is not here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Message = dict[str, Any]
LINK: Final = {"namespace": "network", "type": "LinkStatuses.net.talos.dev"}
# of a node whose cluster nobody has bootstrapped; what they tell of one that was, tests/e2e/test_etcd.py looks at
ETCD: Final = """EtcdMemberList EtcdRemoveMemberByID EtcdLeaveCluster EtcdForfeitLeadership EtcdSnapshot EtcdAlarmList
    EtcdAlarmDisarm EtcdDefragment EtcdStatus EtcdDowngradeValidate EtcdDowngradeEnable EtcdDowngradeCancel"""
NOT_TO_WRITE: Final = "write access is not allowed"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `sees` of its messages what has to be there. Who ends otherwise than well has a `code` and says why;
    who `stays` is given up after its first messages."""

    rpc: str
    request: Message = field(default_factory=dict)
    sees: Callable[[Sequence[Message]], object] = bool
    code: str = "OK"
    says: str = ""
    stays: int = 0


def one(of: str) -> Callable[[Sequence[Message]], object]:
    """The reply has one element, and this field of it holds something."""

    def sees(messages: Sequence[Message]) -> object:
        ((element,),) = (message["messages"] for message in messages)
        assert "metadata" not in element
        return element[of]

    return sees


def each(of: str) -> Callable[[Sequence[Message]], object]:
    """Messages have this field, and there is one at least."""
    return lambda messages: messages and all(message[of] for message in messages)


def _machine(name: str, sees: Callable[[Sequence[Message]], object] = bool, **request: Any) -> Call:
    return Call(f"machine.MachineService/{name}", request, sees)


def _state(name: str, sees: Callable[[Sequence[Message]], object], stays: int = 0, **request: Any) -> Call:
    return Call(f"cosi.resource.State/{name}", LINK | request, sees, stays=stays)


CALLS: Final = (
    _machine("Version", lambda messages: one("version")(messages)["tag"].startswith("v1.")),  # type: ignore[index] # JSON
    _machine("Hostname", one("hostname")),
    _machine("CPUInfo", one("cpu_info")),
    _machine("CPUFreqStats", lambda messages: len(messages[0]["messages"]) == 1),
    _machine("DiskStats", one("total")),
    _machine("LoadAvg", one("load15")),
    _machine("Memory", one("meminfo")),
    _machine("Mounts", one("stats")),
    _machine("NetworkDeviceStats", one("devices")),
    _machine("Processes", one("processes")),
    _machine("SystemStat", one("cpu_total")),
    _machine("ServiceList", one("services")),
    _machine("LogsContainers", one("ids")),
    _machine("Logs", each("bytes"), namespace="system", id="containerd", tail_lines=-1),
    _machine("Dmesg", each("bytes")),
    _machine("Read", each("bytes"), path="/proc/sys/kernel/random/boot_id"),
    _machine("Copy", each("bytes"), root_path="/etc"),
    _machine("List", lambda messages: messages[0]["relative_name"] == ".", root="/etc", recurse=True),
    _machine("DiskUsage", each("name"), paths=["/etc"]),
    _machine("Netstat", one("connectrecord"), l4proto={"tcp": True, "tcp6": True}),
    _machine("MetaWrite", value="aWNob3I=", key=12),
    _machine("MetaDelete", key=12),
    Call(
        "machine.MachineService/Events",
        {"tail_events": -1},
        lambda messages: "data" not in messages[0] or not messages[0]["data"],
        stays=3,
    ),
    _machine("Kubeconfig", each("bytes")),
    _machine("GenerateClientConfiguration", one("talosconfig"), roles=["os:reader"], crt_ttl="3600s"),
    _machine("Containers", lambda messages: len(messages[0]["messages"]) == 1, namespace="system"),
    _machine("Stats", lambda messages: len(messages[0]["messages"]) == 1, namespace="system"),
    Call("machine.MachineService/Restart", {"namespace": "system", "id": "nobody"}, code="NotFound", says="nobody"),
    Call("machine.MachineService/PacketCapture", {"interface": "lo"}, each("bytes"), stays=1),
    Call("machine.StorageService/Statfs", {"path": "/var"}, each("size")),
    Call("inspect.InspectService/ControllerRuntimeDependencies", {}, one("edges")),
    Call("storage.StorageService/Disks"),
    Call(
        "cluster.ClusterService/HealthCheck",
        {"wait_timeout": "60s"},
        lambda messages: {"message": "waiting for the node to be ready: OK"} in messages,
    ),
    *(
        Call(f"machine.MachineService/{rpc}", code="FailedPrecondition", says="in no cluster of etcd yet")
        for rpc in ETCD.split()
    ),
    Call("machine.MachineService/Bootstrap", {"recover_etcd": True}, code="FailedPrecondition", says="no snapshot"),
    Call("machine.MachineService/EtcdRecover", code="InvalidArgument", says="no snapshot was sent"),
    Call("ichor.recovery.Recovery/Report", {}, lambda messages: messages[0]["host"]["name"]),
    *(
        Call(f"ichor.recovery.Recovery/{rpc}", code="FailedPrecondition", says="no data of etcd")
        for rpc in ("Survive", "Forsake")
    ),
    _state("Get", lambda messages: messages[0]["resource"]["metadata"]["id"] == "lo", id="lo"),
    _state("List", lambda messages: {m["resource"]["metadata"]["id"] for m in messages} >= {"lo", "eth0"}),
    _state("Watch", lambda messages: not messages[0], stays=2, api_version=1, options={"bootstrap_contents": True}),
    *(
        Call(f"cosi.resource.State/{verb}", code="PermissionDenied", says=NOT_TO_WRITE)
        for verb in ("Create", "Update", "Destroy", "Teardown", "TeardownAndDestroy")
    ),
)
DEFINITIONS: Final = Call(
    "cosi.resource.State/List", {"namespace": "meta", "type": "ResourceDefinitions.meta.cosi.dev"}, each("resource")
)


def _row(rpc: str) -> Call:
    """The call of the table above."""
    return next(call for call in CALLS if call.rpc.endswith(f"/{rpc}") and call.rpc != "cosi.resource.State/List")


# command -> its calls
COMMANDS: Final[dict[str, tuple[Call, ...]]] = {
    "copy": (_row("Copy"),),
    "dashboard": tuple(
        _row(rpc)
        for rpc in (
            "Hostname",
            "LoadAvg",
            "Version",
            "Memory",
            "SystemStat",
            "CPUFreqStats",
            "CPUInfo",
            "NetworkDeviceStats",
            "DiskStats",
            "Processes",
            "ServiceList",
            "Dmesg",
            "Watch",
        )
    ),
    "cgroups": (_machine("Copy", lambda messages: any(m.get("bytes") for m in messages), root_path="/sys/fs/cgroup"),),
    "diskfree": (_row("Statfs"),),
    "config new": (_row("GenerateClientConfiguration"),),
    "containers": (_row("Containers"),),
    "health": (_row("HealthCheck"),),
    "pcap": (_row("PacketCapture"),),
    "stats": (_row("Stats"),),
    "dmesg": (_row("Dmesg"),),
    "bootstrap": (_row("Bootstrap"),),
    "bootstrap --recover-from": (_row("EtcdRecover"), _row("Bootstrap")),
    "etcd alarm disarm": (_row("EtcdAlarmDisarm"),),
    "etcd alarm list": (_row("EtcdAlarmList"),),
    "etcd defrag": (_row("EtcdDefragment"),),
    "etcd downgrade cancel": (_row("EtcdDowngradeCancel"),),
    "etcd downgrade enable": (_row("EtcdDowngradeEnable"),),
    "etcd downgrade validate": (_row("EtcdDowngradeValidate"),),
    "etcd forfeit-leadership": (_row("EtcdForfeitLeadership"),),
    "etcd leave": (_row("EtcdLeaveCluster"),),
    "etcd members": (_row("EtcdMemberList"),),
    "etcd recover --dry-run": (_row("Report"),),
    "etcd remove-member": (_row("EtcdRemoveMemberByID"),),
    "etcd snapshot": (_row("EtcdSnapshot"),),
    "etcd status": (_row("EtcdStatus"),),
    "events --tail -1": (_row("Events"),),
    "get links": (DEFINITIONS, _state("List", each("resource"))),
    "get links lo": (DEFINITIONS, _row("Get")),
    "get links --watch": (DEFINITIONS, _row("Watch")),
    "inspect dependencies": (_row("ControllerRuntimeDependencies"),),
    "kubeconfig": (_row("Kubeconfig"),),
    "list -r": (_row("List"),),
    "logs containerd": (_row("Logs"),),
    "memory": (_row("Memory"),),
    "meta write": (_row("MetaWrite"),),
    "meta delete": (_row("MetaDelete"),),
    "mounts": (_row("Mounts"),),
    "netstat": (_row("Netstat"),),
    "processes": (_row("Processes"),),
    "read": (_row("Read"),),
    "restart": (_row("Restart"),),
    "service": (_row("ServiceList"),),
    "support": (_row("Version"), _row("Dmesg"), _row("LogsContainers"), _row("Logs"), DEFINITIONS, _row("ServiceList")),
    "usage": (_row("DiskUsage"),),
    "version": (_row("Version"),),
}
# commands that change the node: the methods they call, by tests of their own in test_flows.py that must call just these
FLOWS: Final[dict[str, tuple[str, ...]]] = {
    "apply-config": ("machine.MachineService/Version", "machine.MachineService/ApplyConfiguration"),
    "edit, patch": (
        "cosi.resource.State/List",
        "cosi.resource.State/Get",
        "machine.MachineService/ApplyConfiguration",
    ),
    "service restart": ("machine.MachineService/ServiceRestart", "machine.MachineService/ServiceList"),
    "service start, stop": (
        "machine.MachineService/ServiceStart",
        "machine.MachineService/ServiceList",
        "machine.MachineService/ServiceStop",
        "machine.MachineService/ServiceList",
    ),
    "image list, image remove": (
        "machine.ImageService/Import",
        "machine.ImageService/List",
        "machine.MachineService/ImageList",
        "machine.ImageService/Remove",
    ),
    "image pull": (
        "machine.ImageService/Pull",
        "machine.MachineService/ImagePull",
        "machine.ImageService/List",
        "machine.ImageService/Remove",
    ),
    "debug": ("machine.ImageService/Import", "machine.DebugService/ContainerRun", "machine.ImageService/Remove"),
    "reboot": (
        "machine.MachineService/Version",
        "machine.MachineService/Events",
        "machine.MachineService/Read",
        "machine.MachineService/Reboot",
        "machine.MachineService/Events",
        "machine.MachineService/Read",
    ),
    "reset": (
        "machine.MachineService/Version",
        "machine.MachineService/Events",
        "machine.MachineService/Read",
        "machine.MachineService/Reset",
        "machine.MachineService/Events",
        "machine.MachineService/Read",
    ),
    "time, time --check": ("time.TimeService/Time", "time.TimeService/TimeCheck"),
    "(a node that joins)": ("securityapi.SecurityService/Certificate",),
    "rotate-ca": (
        "cosi.resource.State/Get",
        "machine.MachineService/ApplyConfiguration",
        "machine.MachineService/Version",
        "machine.MachineService/ApplyConfiguration",
        "machine.MachineService/Version",
    ),
    "shutdown": (
        "machine.MachineService/Version",
        "machine.MachineService/Events",
        "machine.MachineService/Read",
        "machine.MachineService/Shutdown",
    ),
}

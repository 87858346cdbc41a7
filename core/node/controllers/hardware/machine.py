"""What the machine is made of: SMBIOS -> SystemInformation, Processor, MemoryModule; sysfs -> PCIDevice. Read once:
none of it changes while the machine runs, but for META's override of the UUID. A container node shows none of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.codec import smbios
from core.codec.smbios import Firmware
from core.node.resources.hardware import MemoryModule, PCIDevice, Processor, SystemInformation
from core.node.resources.runtime import MetaKey
from core.state import Controller, Scope, exclusive, observe, weak

UUID_OVERRIDE: Final = "0x0f"
# the base classes of the PCI Code and ID Assignment Specification; names below them need a database of megabytes
_CLASSES: Final = (
    *("Unclassified device", "Mass storage controller", "Network controller", "Display controller"),
    *("Multimedia controller", "Memory controller", "Bridge", "Communication controller"),
    *("Generic system peripheral", "Input device controller", "Docking station", "Processor"),
    *("Serial bus controller", "Wireless controller", "Intelligent controller", "Satellite communications controller"),
    *("Encryption controller", "Signal processing controller", "Processing accelerators"),
    "Non-Essential Instrumentation",
)


class Machine(Controller):
    """The three types of SMBIOS. A kernel or machine without the table gives an empty SystemInformation."""

    name = "hardware.SystemInfoController"
    inputs = (weak(MetaKey.at(UUID_OVERRIDE)),)
    outputs = (exclusive(SystemInformation), exclusive(Processor), exclusive(MemoryModule))

    def __init__(self, sys: Path = Path("/sys")) -> None:
        self._table = sys / "firmware/dmi/tables/DMI"

    async def reconcile(self, scope: Scope) -> None:
        firmware = smbios.decode(self._table.read_bytes()) if self._table.exists() else Firmware()
        override = scope.find(MetaKey.at(UUID_OVERRIDE))
        uuid = override.spec.value if override is not None and override.spec.value else firmware.system.uuid
        scope.put("systeminformation", _system(firmware.system, uuid))
        processors = {f"CPU-{n}": _processor(p) for n, p in enumerate(firmware.processors)}
        scope.sync(Processor.all(), processors)
        modules: dict[str, MemoryModule] = {}
        for module in firmware.memory:
            locator = module.device_locator or "slot"
            modules[locator if locator not in modules else f"{locator}-{len(modules)}"] = _memory(module)
        scope.sync(MemoryModule.all(), modules)


def pci_devices(sys: Path = Path("/sys")) -> Controller:
    """PCIDevice by address. Vendors and products are shown by number: the image carries no database of names."""

    async def look(_: Scope) -> Mapping[str, PCIDevice]:
        folder = sys / "bus/pci/devices"
        return {p.name: _pci(p) for p in sorted(folder.iterdir())} if folder.is_dir() else {}

    return observe("hardware.PCIDevicesController", PCIDevice, look)


def _system(found: smbios.System, uuid: str) -> SystemInformation:
    return SystemInformation(
        manufacturer=found.manufacturer,
        product_name=found.product,
        version=found.version,
        bios_version=found.bios_version,
        serial_number=found.serial,
        uuid=uuid,
        wake_up_type=found.wake_up,
        sku_number=found.sku,
    )


def _processor(found: smbios.Processor) -> Processor:
    return Processor(
        socket=found.socket,
        manufacturer=found.manufacturer,
        product_name=found.version,
        max_speed=found.max_speed,
        boot_speed=found.current_speed,
        status=found.status,
        serial_number=found.serial,
        asset_tag=found.asset_tag,
        part_number=found.part_number,
        core_count=found.cores,
        core_enabled=found.cores_enabled,
        thread_count=found.threads,
    )


def _memory(found: smbios.Memory) -> MemoryModule:
    return MemoryModule(
        size=found.size,
        device_locator=found.device_locator,
        bank_locator=found.bank_locator,
        speed=found.speed,
        manufacturer=found.manufacturer,
        serial_number=found.serial,
        asset_tag=found.asset_tag,
        product_name=found.part_number,
    )


def _pci(path: Path) -> PCIDevice:
    code = int((path / "class").read_text(), 16)
    base = code >> 16
    driver = path / "driver"
    return PCIDevice(
        class_=_CLASSES[base] if base < len(_CLASSES) else "",
        class_id=f"0x{base:02x}",
        subclass_id=f"0x{code >> 8 & 0xFF:02x}",
        vendor_id=(path / "vendor").read_text().strip(),
        product_id=(path / "device").read_text().strip(),
        driver=driver.resolve().name if driver.is_symlink() else "",
    )

"""What the machine is made of, from SMBIOS, sysfs and /proc/cpuinfo."""

import msgspec

from core.state import Column, Spec, resource


@resource(
    "Processors.hardware.talos.dev",
    "hardware",
    aliases=("cpus", "cpu"),
    columns=(
        Column("Manufacturer", "{.manufacturer}"),
        Column("Model", "{.productName}"),
        Column("Cores", "{.coreCount}"),
        Column("Threads", "{.threadCount}"),
    ),
)
class Processor(Spec, frozen=True):
    """A CPU socket (id: CPU-<n>)."""

    socket: str = ""
    manufacturer: str = ""
    product_name: str = ""
    max_speed: int = msgspec.field(name="maxSpeedMhz", default=0)
    boot_speed: int = msgspec.field(name="bootSpeedMhz", default=0)
    status: int = 0
    serial_number: str = ""
    asset_tag: str = ""
    part_number: str = ""
    core_count: int = 0
    core_enabled: int = 0
    thread_count: int = 0


@resource(
    "MemoryModules.hardware.talos.dev",
    "hardware",
    aliases=("ram",),
    columns=(
        Column("Manufacturer", "{.manufacturer}"),
        Column("Model", "{.productName}"),
        Column("Size MiB", "{.sizeMiB}"),
    ),
)
class MemoryModule(Spec, frozen=True):
    """A memory slot (id: its device locator)."""

    size: int = msgspec.field(name="sizeMiB", default=0)
    device_locator: str = ""
    bank_locator: str = ""
    speed: int = 0
    manufacturer: str = ""
    serial_number: str = ""
    asset_tag: str = ""
    product_name: str = ""


@resource(
    "SystemInformations.hardware.talos.dev",
    "hardware",
    columns=(
        Column("Manufacturer", "{.manufacturer}"),
        Column("Model", "{.productName}"),
        Column("Serial", "{.serialnumber}"),
        Column("UUID", "{.uuid}"),
    ),
)
class SystemInformation(Spec, frozen=True):
    """The machine as its firmware names it (id `systeminformation`)."""

    manufacturer: str = ""
    product_name: str = ""
    version: str = ""
    bios_version: str = ""
    serial_number: str = msgspec.field(name="serialnumber", default="")
    uuid: str = ""
    wake_up_type: str = ""
    sku_number: str = ""


@resource(
    "PCIDevices.hardware.talos.dev",
    "hardware",
    aliases=("devices", "device"),
    columns=(
        Column("Class", "{.class}"),
        Column("Subclass", "{.subclass}"),
        Column("Vendor", "{.vendor}"),
        Column("Product", "{.product}"),
        Column("Driver", "{.driver}"),
    ),
)
class PCIDevice(Spec, frozen=True, rename={"class_": "class"}):
    """A PCI function (id: its address)."""

    class_: str = ""
    subclass: str = ""
    vendor: str = ""
    product: str = ""
    class_id: str = ""
    subclass_id: str = ""
    vendor_id: str = ""
    product_id: str = ""
    driver: str = ""

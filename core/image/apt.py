"""Debian packages and their sources through apt with a configuration of its own: state, lists and cache below one
folder, the machine's proxies and mirror kept, only the release changed. Never touches the machine's own apt."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from core.base.errors import NotFound, Unsupported
from core.image.cache import file_digest, silent
from core.image.lock import Pin
from core.image.tools import ToolFailed, run

RELEASE: Final = "trixie"
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_INST: Final = re.compile(r"^Inst (\S+) \((\S+) ", re.M)
_CONF: Final = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
"""


class Apt:
    """apt for another release, in `folder`."""

    def __init__(self, folder: Path, say: Callable[[str], None] = silent, release: str = RELEASE) -> None:
        self.folder, self._say, self._release = folder, say, release
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "apt.conf").write_text(_CONF.format(folder=folder))
        self._env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "APT_CONFIG": str(folder / "apt.conf")}

    def update(self) -> None:
        """Fetch the package lists."""
        self._update("deb")

    def _update(self, *kinds: str) -> None:
        (self.folder / "sources.list").write_text("".join(sources(self._release, kinds)))
        run(["apt-get", "-qq", "update"], env=self._env)

    def candidates(self, section: str, names: Sequence[str]) -> list[Pin]:
        """The newest version of each package, without its dependencies. Raises NotFound."""
        shown = run(["apt-cache", "show", "--no-all-versions", *names], env=self._env).decode()
        pins = {pin.name: pin for pin in (_pin(section, stanza) for stanza in shown.strip().split("\n\n"))}
        if missing := [name for name in names if name not in pins]:
            raise NotFound(f"{self._release} has no package {', '.join(missing)}")
        return [pins[name] for name in names]

    def closure(self, section: str, names: Sequence[str]) -> list[Pin]:
        """The packages and all they depend on."""
        plan = run(["apt-get", "-qq", "-s", "install", *names], env=self._env).decode()
        return self.candidates(section, [name.partition(":")[0] for name, _ in _INST.findall(plan)])

    def source(self, name: str, folder: Path) -> Path:
        """The .dsc of the newest source package of that name, downloaded into `folder` with the files it lists."""
        self._update("deb-src")
        run(["apt-get", "-qq", "source", "--download-only", "--only-source", name], cwd=folder, env=self._env)
        return next(folder.glob("*.dsc"))

    def fetch(self, pins: Iterable[Pin], store: Path) -> None:
        """Bring the packages that `store` lacks, as `<sha256>.deb`. Raises NotFound for versions the mirror lost."""
        store.mkdir(parents=True, exist_ok=True)
        missing = {pin.sha256: pin for pin in pins if not (store / f"{pin.sha256}.deb").exists()}
        if not missing:
            return
        self._say(f"image: fetching {len(missing)} packages")
        self.update()
        archives = self.folder / "archives"
        wanted = [f"{pin.name}={pin.version}" for pin in missing.values()]
        try:
            run(["apt-get", "-qq", "download", *wanted], cwd=archives, env=self._env)
        except ToolFailed as error:
            if "was not found" not in error.message and "Can't find" not in error.message:
                raise
            gone = re.findall(r"Version '(\S+)' for '(\S+)' was not found", error.message)
            names = ", ".join(f"{name} {version}" for version, name in gone) or "a locked package"
            raise NotFound(
                f"the mirror no longer has {names}", remedy="run `make lock` to move to what it has"
            ) from None
        for deb in archives.glob("*.deb"):
            found = file_digest(deb)
            if found in missing:
                del missing[found]
                deb.rename(store / f"{found}.deb")
            else:
                deb.unlink()
        if missing:
            lost = ", ".join(str(pin) for pin in missing.values())
            raise NotFound(f"what the mirror has of {lost} is not what image.lock names", remedy="run `make lock`")


def sources(to: str = RELEASE, kinds: Sequence[str] = ("deb",)) -> list[str]:
    """The machine's own Debian sources, with the release exchanged; `kinds` are deb and deb-src."""
    codename = _codename()
    listing = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    )
    found = []
    for line in listing.decode().splitlines():
        uri, release, component = line.split()
        base, dash, pocket = release.partition("-")
        if base == codename and component == "main" and pocket in ("", "updates", "security"):
            found += [f"{kind} [signed-by={KEYRING}] {uri} {to}{dash}{pocket} main\n" for kind in kinds]
    if not found:
        raise Unsupported(f"apt on this machine names no Debian mirror for {codename}", remedy="add one to its sources")
    return list(dict.fromkeys(found))


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise Unsupported("this machine does not say which Debian release it is", remedy="build on Debian")


def _pin(section: str, stanza: str) -> Pin:
    fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"(Package|Version|SHA256): ", line))
    return Pin(section, fields["Package"], fields["Version"], fields["SHA256"])

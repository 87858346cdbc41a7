"""Which client config file is used, and reading and writing it. The file is the stock client's, in its own place, so
that both programs see the same contexts; $ICHORCONFIG is for keeping them apart."""

import os
from pathlib import Path
from typing import Final

from core.base.errors import NotFound
from core.base.files import write_atomic
from core.config import client

IN_CLUSTER: Final = Path("/var/run/secrets/talos.dev/config")


def find(option: str | None = None) -> Path:
    """The flag, else $ICHORCONFIG, else $TALOSCONFIG, else ~/.talos/config, else the one mounted into a pod."""
    for value in (option, os.environ.get("ICHORCONFIG"), os.environ.get("TALOSCONFIG")):
        if value:
            return Path(value)
    home = Path.home() / ".talos" / "config"
    return IN_CLUSTER if IN_CLUSTER.exists() and not home.exists() else home


def load(path: Path) -> client.ClientConfig:
    """Raises NotFound, or ConfigErrors about its content."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"no client config at {path}", remedy="make one with `ichorctl gen config`") from None
    return client.load(data, str(path))


def load_or_empty(path: Path) -> client.ClientConfig:
    """An absent file is an empty config."""
    return load(path) if path.exists() else client.ClientConfig()


def save(path: Path, config: client.ClientConfig) -> None:
    """Replace the file; it holds keys, so only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, client.save(config))

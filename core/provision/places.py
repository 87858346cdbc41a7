"""Where a cluster's things are on the operator's machine. Owns names of files and folders, nothing in them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Everything below one folder, `home` (the command line's choice, ~/.ichor by default)."""

    home: Path

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def images(self) -> Path:
        return self.home / "images"

    @property
    def clusters(self) -> Path:
        return self.home / "clusters"

    def cluster(self, name: str) -> Path:
        return self.clusters / name

    def record(self, name: str) -> Path:
        return self.cluster(name) / "cluster.json"

    def node(self, cluster: str, node: str) -> Path:
        return self.cluster(cluster) / "nodes" / node

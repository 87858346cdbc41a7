"""Files under /etc that the node writes."""

from core.node.controllers.files.etcfile import etc_files

__all__ = ["etc_files"]

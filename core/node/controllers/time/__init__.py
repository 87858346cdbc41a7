"""Whether the clock can be believed."""

from core.node.controllers.time.sync import TimeSync

__all__ = ["TimeSync"]

"""A document of our own: whether a node tells of itself in numbers."""

from core.config.schema.base import Section


class MetricsConfig(Section, frozen=True):
    """Its presence opens GET /metrics at the API's port to readers."""

    api_version: str = ""
    """`ichor.dev/v1alpha1`."""
    kind: str = ""
    """`MetricsConfig`."""

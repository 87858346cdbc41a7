"""The v1alpha1 document as a whole."""

from typing import Annotated

from core.config.schema.base import OBSOLETE, Section
from core.config.schema.cluster import Cluster
from core.config.schema.machine import Machine
from core.config.schema.words import Version


class V1Alpha1(Section, frozen=True):
    """The v1alpha1 document: everything about a machine and the cluster it belongs to."""

    version: Version = ""
    """Schema version, must be v1alpha1."""
    debug: bool = False
    """Also print service logs on the console."""
    persist: Annotated[bool | None, OBSOLETE] = None
    """Ignored leftover; only true accepted."""
    machine: Machine = Machine()
    """Node part."""
    cluster: Cluster = Cluster()
    """Cluster part."""

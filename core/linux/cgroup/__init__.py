"""Control groups over two kinds of kernel set-up, one meaning: see tree.Tree."""

from core.linux.cgroup.limits import Limits, Unapplied
from core.linux.cgroup.tree import Tree

__all__ = ["Limits", "Tree", "Unapplied"]

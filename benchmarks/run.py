"""What the suites of one invocation share: how long to take, the image, and the one node, made when first asked for and
gone at the end."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from benchmarks.node import BenchNode, nodes


class Run:
    """One invocation. `long` takes more rounds and waits for what takes minutes, `brief` takes few: who compares two
    trees comes back often."""

    def __init__(self, image: Path, *, long: bool, brief: bool, say: Callable[[str], None]) -> None:
        self.image, self.long, self.brief, self.say = image, long, brief, say
        self._stack = ExitStack()
        self._node: BenchNode | None = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def node(self) -> BenchNode:
        """A configured container node of the image. It runs; who stops it starts it again."""
        if self._node is None:
            self._node = self._stack.enter_context(nodes(self.image, self.say))[0]
        return self._node

    def rounds(self, usual: int, long: int) -> int:
        """How often to measure."""
        return max(1, usual // 5) if self.brief else long if self.long else usual

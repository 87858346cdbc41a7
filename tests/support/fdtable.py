"""The part of init's descriptor table that survivors and rings use, over duplicated descriptors, as SCM_RIGHTS
makes them."""

import os


class FdTable:
    """Named descriptors; `get` gives a new duplicate each time, as receiving over a socket does."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    def get(self, name: str) -> int | None:
        return os.dup(self.held[name]) if name in self.held else None

    def put(self, name: str, fd: int) -> None:
        self.drop(name)
        self.held[name] = os.dup(fd)

    def drop(self, name: str) -> None:
        held = self.held.pop(name, None)
        if held is not None:
            os.close(held)

    def names(self) -> list[str]:
        return sorted(self.held)

    def close(self) -> None:
        for name in self.names():
            self.drop(name)

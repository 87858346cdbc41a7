"""Ends of processes on a loop, by their pidfds, a few at a turn: however many end at once, whatever else the loop has
to do is done in between. The loop sees one descriptor, an epoll over all that are waited for; it is there as long as
somebody waits. Reaps nobody itself."""

import select
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Final

BATCH: Final = 32  # ends told in one turn of the loop: with those who awaited them about a millisecond

_busy: Final[dict[AbstractEventLoop, "Ends"]] = {}


class Ends:
    """Who is waited for on one loop. Made by `on`, gone with the last that is waited for."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._waiting: dict[int, Callable[[], None]] = {}
        loop.add_reader(self._epoll.fileno(), self._tell)

    def watch(self, pidfd: int, ended: Callable[[], None]) -> None:
        """Call `ended` once, on the loop, when the process behind `pidfd` has ended. Raises OSError when the kernel
        watches no more."""
        try:
            self._epoll.register(pidfd, select.EPOLLIN)
        except OSError:
            self._rest_if_done()
            raise
        self._waiting[pidfd] = ended

    def forget(self, pidfd: int) -> None:
        """Call for `pidfd` no more, if still one waits for it. To be done before it is closed."""
        if self._waiting.pop(pidfd, None) is not None:
            self._epoll.unregister(pidfd)
            self._rest_if_done()

    def _tell(self) -> None:
        for pidfd, _ in self._epoll.poll(0, BATCH):
            self._epoll.unregister(pidfd)
            self._waiting.pop(pidfd)()
        self._rest_if_done()

    def _rest_if_done(self) -> None:
        if self._waiting or _busy.pop(self._loop, None) is None:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _abandon(self) -> None:
        self._waiting.clear()
        self._epoll.close()


def on(loop: AbstractEventLoop) -> Ends:
    """The one of `loop`, made when nobody is waited for there yet."""
    ends = _busy.get(loop)
    if ends is None:
        for over in [other for other in _busy if other.is_closed()]:
            _busy.pop(over)._abandon()
        ends = _busy[loop] = Ends(loop)
    return ends

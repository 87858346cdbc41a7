"""The DHCPv4 client of RFC 2131 figure 5 as a table: (state, event) -> (state, actions). Sans I/O: datagrams and
the time go in, effects come out, `deadline` says when to call `tick`. A pair that is not in the table is not an
error of ours (the network sends what it likes): such messages are dropped; timers that are not in it raise."""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final

from core.base.errors import Invalid
from core.codec.dhcp.frame import BROADCAST
from core.codec.dhcp.lease import Lease
from core.codec.dhcp.message import ANY, Kind, Message, Option, decode, encode
from core.codec.dhcp.states import Bound, Effect, Event, Lost, Send, State

_WANTED: Final = bytes(
    [
        Option.SUBNET_MASK,
        Option.CLASSLESS_ROUTES,  # before the router option, as RFC 3442 asks
        Option.ROUTER,
        Option.DNS,
        Option.DOMAIN,
        Option.MTU,
        Option.NTP,
        Option.HOSTNAME,
        Option.LEASE_TIME,
        Option.RENEWAL_TIME,
        Option.REBINDING_TIME,
    ]
)
_LARGEST: Final = (1472).to_bytes(2, "big")
_FIRST, _CAP = 1.0, 64.0  # retransmission; RFC 2131 suggests 4 s to start with, and a boot waits for it
_REQUESTS: Final = 4  # tries before an offer is given up
_PATIENCE: Final = 60.0  # least time between renewals


Action = Callable[["Client", Message | None, float], list[Effect]]


class Client:
    """One client on one link. `random` answers 0 <= x < 1; times are monotonic seconds."""

    def __init__(
        self, hardware: bytes, random: Callable[[], float], *, hostname: str = "", identifier: bytes = b""
    ) -> None:
        self.state = State.STOPPED
        self.lease: Lease | None = None
        self._hardware, self._hostname, self._identifier = hardware, hostname, identifier
        self._random = random
        self._xid = self._tries = 0
        self._began = self._sent = 0.0
        self._offer: Message | None = None
        self._timers: list[tuple[float, Event]] = []

    @property
    def deadline(self) -> float | None:
        """When `tick` is due, or None."""
        return min(self._timers, key=lambda t: t[0])[0] if self._timers else None

    def start(self, now: float) -> list[Effect]:
        """Begin to look for a lease. Raises Invalid unless stopped."""
        return self._happen(Event.START, None, now)

    def stop(self, now: float) -> list[Effect]:
        """Give up what there is, telling the server."""
        return self._happen(Event.STOP, None, now)

    def tick(self, now: float) -> list[Effect]:
        """Let the timers that are due go off."""
        effects: list[Effect] = []
        while self._timers and (due := min(self._timers, key=lambda t: t[0]))[0] <= now:
            self._timers.remove(due)
            effects += self._happen(due[1], None, now)
        return effects

    def received(self, payload: bytes, now: float) -> list[Effect]:
        """A datagram came. What is malformed, not for us or out of turn has no effect."""
        try:
            message = decode(payload)
        except Invalid:
            return []
        if not message.reply or message.xid != self._xid or message.hardware != self._hardware:
            return []
        event = {Kind.OFFER: Event.OFFER, Kind.ACK: Event.ACK, Kind.NAK: Event.NAK}.get(message.kind or Kind.INFORM)
        if event is None or (self.state, event) not in TABLE:
            return []
        if event is not Event.NAK and not _complete(message):
            return []
        return self._happen(event, message, now)

    def _happen(self, event: Event, message: Message | None, now: float) -> list[Effect]:
        if (self.state, event) not in TABLE:
            raise Invalid(f"DHCP: {event.value} while {self.state.value}")
        self.state, actions = TABLE[self.state, event]
        return [effect for action in actions for effect in action(self, message, now)]

    # actions, in the order of a client's life

    def _begin(self, _: Message | None, now: float) -> list[Effect]:
        self._ask_anew(now)
        self._began, self._tries, self._offer, self.lease = now, 0, None, None
        return []

    def _discover(self, _: Message | None, now: float) -> list[Effect]:
        self._again(now)
        return [self._broadcast(self._message(Kind.DISCOVER, now))]

    def _select(self, message: Message | None, now: float) -> list[Effect]:
        self._offer, self._tries = message, 0
        return []

    def _request(self, _: Message | None, now: float) -> list[Effect]:
        assert self._offer is not None
        self._tries += 1
        self._sent = now if self._tries == 1 else self._sent
        if self._tries > _REQUESTS:
            self._timers = [(now, Event.GIVE_UP)]
            return []
        self._again(now, counted=False)
        chosen: dict[int, bytes] = {
            Option.REQUESTED_ADDRESS: self._offer.yours.packed,
            Option.SERVER: self._offer.options[Option.SERVER],
        }
        return [self._broadcast(self._message(Kind.REQUEST, now, extra=chosen))]

    def _bind(self, message: Message | None, now: float) -> list[Effect]:
        assert message is not None
        self.lease = lease = Lease.of(message, self._sent)
        moments = ((lease.renew, Event.RENEW), (lease.rebind, Event.REBIND), (lease.expire, Event.EXPIRE))
        self._timers = [(lease.since + after, event) for after, event in moments if after is not None]
        return [Bound(lease)]

    def _renew(self, _: Message | None, now: float) -> list[Effect]:
        assert self.lease is not None
        self._ask_anew(now)
        self._prolong(now, self.lease.rebind)
        return [Send(encode(self._renewal(now)), self.lease.server, self.lease.interface.ip)]

    def _rebind(self, _: Message | None, now: float) -> list[Effect]:
        assert self.lease is not None
        self._ask_anew(now)
        self._prolong(now, self.lease.expire)
        return [Send(encode(self._renewal(now)), BROADCAST, self.lease.interface.ip)]

    def _release(self, _: Message | None, now: float) -> list[Effect]:
        assert self.lease is not None
        extra: dict[int, bytes] = {Option.SERVER: self.lease.server.packed}
        message = self._message(Kind.RELEASE, now, extra=extra, client=self.lease.interface.ip)
        return [Send(encode(message), self.lease.server, self.lease.interface.ip), Lost("released")]

    def _lose(self, message: Message | None, now: float) -> list[Effect]:
        text = message.options.get(Option.TEXT, b"").decode("utf-8", "replace") if message else ""
        self.lease = None
        return [Lost(f"refused by the server {text}".strip() if message else "expired")]

    def _pause(self, _: Message | None, now: float) -> list[Effect]:
        """Start anew a little later, so that a server that refuses forever is not asked without end."""
        self._timers = [(now + _FIRST + self._random(), Event.RESEND)]
        return []

    def _rest(self, _: Message | None, now: float) -> list[Effect]:
        self._timers, self.lease, self._offer = [], None, None
        return []

    # what actions are made of

    def _ask_anew(self, now: float) -> None:
        """A transaction of its own, so that a lease counts from the very request that was granted."""
        self._xid, self._sent = int(self._random() * 2**32), now

    def _again(self, now: float, *, counted: bool = True) -> None:
        """Retransmit after a delay that doubles, give or take half a second; lease timers are not for this state."""
        delay = min(_CAP, _FIRST * 2 ** (self._tries if counted else self._tries - 1))
        self._tries += counted
        self._timers = [(now + delay + self._random() - 0.5, Event.RESEND)]

    def _prolong(self, now: float, until: float | None) -> None:
        """Ask again after half of what remains, a minute at least (RFC 2131, 4.4.5); the lease's own timers stay."""
        assert self.lease is not None and until is not None
        wait = max(_PATIENCE, (self.lease.since + until - now) / 2)
        self._timers = [t for t in self._timers if t[1] is not Event.RESEND]
        self._timers.append((now + wait, Event.RESEND))

    def _broadcast(self, message: Message) -> Send:
        return Send(encode(message), BROADCAST, None)

    def _renewal(self, now: float) -> Message:
        assert self.lease is not None
        return self._message(Kind.REQUEST, now, client=self.lease.interface.ip)

    def _message(
        self, kind: Kind, now: float, *, extra: dict[int, bytes] | None = None, client: IPv4Address = ANY
    ) -> Message:
        options: dict[int, bytes] = {Option.MESSAGE_TYPE: bytes([kind])}
        options[Option.CLIENT_IDENTIFIER] = self._identifier or b"\1" + self._hardware
        options |= extra or {}
        if kind is not Kind.RELEASE:
            options |= {Option.PARAMETERS: _WANTED, Option.MAX_SIZE: _LARGEST}
            options |= {Option.HOSTNAME: self._hostname.encode()} if self._hostname else {}
        seconds = min(0xFFFF, int(now - self._began))
        return Message(False, self._xid, self._hardware, options, seconds=seconds, client=client)


def _complete(message: Message) -> bool:
    try:
        Lease.of(message, 0.0)
    except Invalid:
        return False
    return True


_C = Client
TABLE: Final[dict[tuple[State, Event], tuple[State, tuple[Action, ...]]]] = {
    (State.STOPPED, Event.START): (State.SELECTING, (_C._begin, _C._discover)),
    (State.INIT, Event.RESEND): (State.SELECTING, (_C._begin, _C._discover)),
    (State.SELECTING, Event.RESEND): (State.SELECTING, (_C._discover,)),
    (State.SELECTING, Event.OFFER): (State.REQUESTING, (_C._select, _C._request)),
    (State.REQUESTING, Event.RESEND): (State.REQUESTING, (_C._request,)),
    (State.REQUESTING, Event.GIVE_UP): (State.INIT, (_C._pause,)),
    (State.REQUESTING, Event.NAK): (State.INIT, (_C._pause,)),
    (State.REQUESTING, Event.ACK): (State.BOUND, (_C._bind,)),
    (State.BOUND, Event.RENEW): (State.RENEWING, (_C._renew,)),
    (State.BOUND, Event.REBIND): (State.REBINDING, (_C._rebind,)),  # the node slept through T1
    (State.BOUND, Event.EXPIRE): (State.INIT, (_C._lose, _C._pause)),
    (State.RENEWING, Event.RESEND): (State.RENEWING, (_C._renew,)),
    (State.RENEWING, Event.ACK): (State.BOUND, (_C._bind,)),
    (State.RENEWING, Event.NAK): (State.INIT, (_C._lose, _C._pause)),
    (State.RENEWING, Event.REBIND): (State.REBINDING, (_C._rebind,)),
    (State.RENEWING, Event.EXPIRE): (State.INIT, (_C._lose, _C._pause)),
    (State.REBINDING, Event.RESEND): (State.REBINDING, (_C._rebind,)),
    (State.REBINDING, Event.ACK): (State.BOUND, (_C._bind,)),
    (State.REBINDING, Event.NAK): (State.INIT, (_C._lose, _C._pause)),
    (State.REBINDING, Event.EXPIRE): (State.INIT, (_C._lose, _C._pause)),
    (State.INIT, Event.STOP): (State.STOPPED, (_C._rest,)),
    (State.SELECTING, Event.STOP): (State.STOPPED, (_C._rest,)),
    (State.REQUESTING, Event.STOP): (State.STOPPED, (_C._rest,)),
    (State.BOUND, Event.STOP): (State.STOPPED, (_C._release, _C._rest)),
    (State.RENEWING, Event.STOP): (State.STOPPED, (_C._release, _C._rest)),
    (State.REBINDING, Event.STOP): (State.STOPPED, (_C._release, _C._rest)),
    (State.STOPPED, Event.STOP): (State.STOPPED, ()),
}

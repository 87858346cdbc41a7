"""A client that writes its frames by hand, as rude as a test wants it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from hpack import Encoder

from tests.fuzz import frames
from tests.fuzz.frames import frame, message

UNARY = "/test.Echo/Unary"


def ssl_context(files: tuple[str, str] | None = None) -> ssl.SSLContext:
    """The standard library's TLS, with the certificate and key in `files`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if files is not None:
        context.load_cert_chain(*files)
    return context


def block(path: str = UNARY, *more: tuple[str, str]) -> bytes:
    """A call's headers, whatever was said before: nothing goes to the table."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "node")]
    fields += [("content-type", "application/grpc"), ("te", "trailers"), *more]
    encoder = Encoder()
    encoder.header_table_size = 0
    found: bytes = encoder.encode(fields)
    return found


def opened(stream: int, path: str = UNARY, flags: int = frames.END_HEADERS, *more: tuple[str, str]) -> bytes:
    """The frame that begins a call."""
    return frame(frames.HEADERS, flags, stream, block(path, *more))


def said(stream: int, content: bytes) -> bytes:
    """The frame with a call's one message, a BytesValue."""
    assert len(content) < 128
    return frame(frames.DATA, frames.END_STREAM, stream, message(b"\x0a" + bytes([len(content)]) + content))


class Rude:
    """One connection; what the server said is kept by kind."""

    def __init__(self, recv: Callable[[], Awaitable[bytes]], send: Callable[[bytes], Awaitable[None]]) -> None:
        self._recv, self._send = recv, send
        self._here = b""
        self.goaway: int | None = None
        self.resets: dict[int, int] = {}
        self.ended: set[int] = set()
        self.acks = 0

    async def write(self, *data: bytes) -> None:
        """Send it all, or as much as the server takes before it hangs up."""
        try:
            for piece in data:
                await self._send(piece)
        except ConnectionError:
            return

    async def read(self) -> int | None:
        """One frame's kind; None at the end."""
        head = await self._exactly(9)
        payload = await self._exactly(int.from_bytes(head[:3], "big")) if head is not None else None
        if head is None or payload is None:
            return None
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        if kind == frames.GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == frames.RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == frames.PING and flags & 1:
            self.acks += 1
        elif flags & frames.END_STREAM and kind in (frames.DATA, frames.HEADERS):
            self.ended.add(stream)
        return kind

    async def _exactly(self, size: int) -> bytes | None:
        while len(self._here) < size:
            try:
                more = await self._recv()
            except (ConnectionError, ssl.SSLError):
                more = b""
            if not more:
                return None
            self._here += more
        found, self._here = self._here[:size], self._here[size:]
        return found

    async def until(self, stream: int) -> None:
        """Read until the stream has ended, one way or the other."""
        while stream not in self.resets and stream not in self.ended:
            assert await self.read() is not None, "the server hung up"

    async def rest(self) -> int | None:
        """Read to the end; the GOAWAY's code, if there was one."""
        while await self.read() is not None:
            pass
        return self.goaway


@asynccontextmanager
async def rude(address: str, tls: ssl.SSLContext | None = None, opening: bytes = frames.OPENING) -> AsyncIterator[Rude]:
    """Connect, to "unix:/path" or "host:port", and open the session."""
    loop = asyncio.get_running_loop()
    if address.startswith("unix:"):
        sock, where = socket.socket(socket.AF_UNIX), address.removeprefix("unix:")
    else:
        host, _, port = address.rpartition(":")
        sock, where = socket.socket(), (host, int(port))  # type: ignore[assignment]  # each family has its own
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    if tls is None:
        with sock:  # not a StreamReader: it forgets what came before a connection was reset
            peer = Rude(lambda: loop.sock_recv(sock, 65536), lambda data: loop.sock_sendall(sock, data))
            await peer.write(opening)
            yield peer
        return
    try:
        reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname="")
    except BaseException:
        with suppress(OSError):  # a transport that nobody was given ends with its socket
            sock.shutdown(socket.SHUT_RDWR)
        raise

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    try:
        peer = Rude(lambda: reader.read(65536), send)
        await peer.write(opening)
        yield peer
    finally:
        writer.transport.abort()

"""The ring against its obvious twin, its refusals, and what it keeps when nobody writes any more."""

import fcntl
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.ring import Reader, Ring
from tests.ext_ring.twin import Twin, TwinReader

SIZES = st.one_of(st.integers(0, 60), st.integers(0, 4072))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), SIZES),
        st.tuples(st.just("read"), st.integers(0, 5000)),
        st.tuples(st.just("joined"), st.integers(0, 5000)),
        st.tuples(st.just("reattach"), st.just(0)),
        st.tuples(st.just("reader"), st.one_of(st.none(), st.integers(0, 300))),
    ),
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_behaves_like_its_twin(steps: list[tuple[str, int | None]]) -> None:
    ring, twin = Ring.create("test", 4096), Twin(4096)
    reader, shadow = Reader(ring.fileno()), TwinReader(twin, None)
    for number, (step, value) in enumerate(steps):
        if step == "append":
            record = (number % 251).to_bytes() * (value or 0)
            assert ring.append(record) == twin.append(record)
        elif step == "read":
            assert [(s, r) for s, _, r in reader.read(value or 0)] == shadow.read(value or 0)
        elif step == "joined":
            assert reader.joined(value or 0) == shadow.joined(value or 0)
        elif step == "reattach":
            again = Ring.attach(ring.fileno())
            ring.close()
            ring = again
        else:
            reader, shadow = Reader(ring.fileno(), value), TwinReader(twin, value)
        assert (ring.next, reader.sequence, reader.lost) == (twin.next, shadow.sequence, shadow.lost)
        assert ring.oldest == (twin.records[0][0] if twin.records else twin.next)
    ring.close()
    reader.close()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=9000).map(lambda b: b.replace(b"0", b"\n")), max_size=12), st.booleans())
def test_drain_keeps_every_byte_and_cuts_at_newlines(chunks: list[bytes], reattach: bool) -> None:
    ring = Ring.create("lines", 1 << 18)
    source, sink = os.pipe()
    os.set_blocking(source, False)
    for chunk in chunks:
        os.write(sink, chunk)
        while True:
            try:
                ring.drain(source)
            except BlockingIOError:
                break
        if reattach:
            ring = Ring.attach(ring.fileno())
    os.close(sink)
    assert ring.drain(source) == 0
    ring.flush()
    os.close(source)
    records = [r for _, _, r in Reader(ring.fileno()).read(1 << 30)]
    text = b"".join(chunks)
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    assert records == [line[i : i + 16384] for line in lines for i in range(0, len(line), 16384)]


def test_a_line_longer_than_a_piece_becomes_several_records() -> None:
    ring = Ring.create("long", 1 << 17)
    source, sink = os.pipe()
    os.write(sink, b"a" * 40000 + b"\nshort\n")
    while ring.next < 4:
        ring.drain(source)
    assert [len(r) for _, _, r in Reader(ring.fileno()).read(1 << 20)] == [16384, 16384, 7233, 6]
    os.close(source)
    os.close(sink)


def test_readable_after_the_writer_and_through_a_read_only_descriptor() -> None:
    ring = Ring.create("gone", 4096)
    ring.append(b"last words")
    readonly = os.open(f"/proc/self/fd/{ring.fileno()}", os.O_RDONLY)
    ring.close()
    reader = Reader(readonly)
    os.close(readonly)
    ((sequence, time, record),) = reader.read(1)
    assert (sequence, record) == (0, b"last words")
    assert time > 1_600_000_000 * 10**9


def test_refuses_what_is_not_a_ring() -> None:
    for capacity in (0, 4095, 5000, 1 << 31):
        with pytest.raises(ValueError, match="power of two"):
            Ring.create("bad", capacity)
    plain = os.memfd_create("plain", os.MFD_ALLOW_SEALING)
    os.ftruncate(plain, 4096 + 32768 + 4096)
    with pytest.raises(ValueError, match="not sealed"):
        Reader(plain)
    fcntl.fcntl(plain, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    for kind in (Reader, Ring.attach):
        with pytest.raises(ValueError, match="not a ring of this format"):
            kind(plain)
    os.close(plain)
    with pytest.raises(ValueError, match="closed"):
        Ring().append(b"")


def test_a_damaged_chain_is_refused_by_writer_and_reader() -> None:
    ring = Ring.create("damaged", 4096)
    for _ in range(3):
        ring.append(b"record")
    os.pwrite(ring.fileno(), struct.pack("<I", 9000), 4096 + 32768 + 32 + 16)
    with pytest.raises(ValueError, match="damaged"):
        Ring.attach(ring.fileno())
    reader = Reader(ring.fileno())
    with pytest.raises(ValueError, match="damaged"):
        reader.read(1 << 20)


def test_a_closed_ring_says_so() -> None:
    ring = Ring.create("closed", 4096)
    reader = Reader(ring.fileno())
    ring.close()
    ring.close()
    reader.close()
    for use in (lambda: ring.append(b""), ring.fileno, ring.flush, lambda: reader.read(1), lambda: reader.joined(1)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_record_that_can_never_fit() -> None:
    ring = Ring.create("big", 4096)
    assert ring.append(b"x" * 4072) == 0
    with pytest.raises(ValueError, match="does not fit"):
        ring.append(b"x" * 4073)
    assert ring.next == 1


def test_what_a_dead_writer_had_read_but_not_cut_becomes_records() -> None:
    ring = Ring.create("staged", 1 << 17)
    line = b"x" * 31 + b"\n"
    os.pwrite(ring.fileno(), line * 1024, 4096)
    os.pwrite(ring.fileno(), struct.pack("<Q", 32768), 64)  # staged: as full as it gets
    again = Ring.attach(ring.fileno())
    assert again.next == 1024
    source, sink = os.pipe()
    os.write(sink, b"more\n")
    assert again.drain(source) == 5
    os.pwrite(ring.fileno(), b"landed\n\xfe\xfe\xfe", 4096 + 5)  # a read of 10 that brought 7 and was not accounted
    os.pwrite(ring.fileno(), struct.pack("<Q", 32768 + 5 + 10), 72)
    last = Ring.attach(ring.fileno())
    assert [record for _, _, record in Reader(last.fileno(), 1024).read(100)] == [b"more\n", b"landed\n"]
    os.close(source)
    os.close(sink)

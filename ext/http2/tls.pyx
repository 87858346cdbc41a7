# distutils: libraries = ssl crypto
"""TLS by OpenSSL on a socket's descriptor: contexts made from PEM bytes, and an engine for one connection.

Always TLS 1.2 or 1.3, ALPN exactly h2, no tickets, no sessions, no renegotiation. A server that requires client
certificates takes only chains in which every certificate that is not a CA has clientAuth as its whole extended key
usage. What OpenSSL writes goes to the connection's buffer, so that a flush costs one send().
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from ext.http2.buffer cimport Buffer, append
from ext.http2.openssl cimport *

DEF H2 = b"\x02h2"
DEF WANT_MORE = 0
DEF DONE = 1
DEF FAILED = -1

cdef BIO_METHOD *outgoing = NULL
cdef Py_ssize_t live_engines = 0
cdef Py_ssize_t live_contexts = 0


class TLSError(Exception):
    """The handshake or the connection failed; the text is OpenSSL's reason."""


def live():
    """How many engines and contexts exist: tests end where they began."""
    return live_engines, live_contexts


include "verify.pxi"


cdef class TLSContext:
    """Keys and trust of one side, immutable: to change them, make another and use it for the next connections.

    `certificate` (leaf first) and `key` are PEM; `authorities` the PEM of the CAs that are accepted now. A server
    with `authorities` requires a client certificate, one without asks for none. A client checks the server's chain and
    name against `authorities`, or its key against `pins` (SHA-256 of the SubjectPublicKeyInfo), or with neither nothing
    at all. Raises ValueError for what OpenSSL does not take.
    """

    def __cinit__(self, bint server, *, bytes certificate=None, bytes key=None, bytes authorities=None,
                  pins=()):
        global live_contexts
        live_contexts += 1
        self.server = server
        self.pins = b"".join(pins)
        if len(self.pins) % 32:
            raise ValueError("a pin is a SHA-256 digest of 32 bytes")
        ERR_clear_error()
        self.c = SSL_CTX_new(TLS_server_method() if server else TLS_client_method())
        if self.c == NULL:
            raise MemoryError()
        settle(self.c)
        if certificate is not None:
            use_chain(self.c, certificate)
            use_key(self.c, key or b"")
        elif server:
            raise ValueError("a server needs a certificate")
        if authorities is not None:
            trust(self.c, authorities)
        if server:
            SSL_CTX_set_alpn_select_cb(self.c, choose_protocol, NULL)
            if authorities is not None:
                SSL_CTX_set_verify(self.c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, check_client)
        else:
            SSL_CTX_set_alpn_protos(self.c, <const uint8_t *> <char *> H2, 3)
            if self.pins:
                SSL_CTX_set_cert_verify_callback(self.c, check_pin, <void *> self)
            if self.pins or authorities is not None:
                SSL_CTX_set_verify(self.c, SSL_VERIFY_PEER, NULL)

    def __dealloc__(self):
        global live_contexts
        live_contexts -= 1
        if self.c != NULL:
            SSL_CTX_free(self.c)


cdef class Engine:
    """One connection's TLS: reads from `fd` itself, writes into `out`, which belongs to the connection."""

    def __cinit__(self, TLSContext context not None):
        global live_engines
        live_engines += 1
        self.context = context
        self.ssl = SSL_new(context.c)
        if self.ssl == NULL:
            raise MemoryError()

    def __dealloc__(self):
        global live_engines
        live_engines -= 1
        if self.ssl != NULL:
            SSL_free(self.ssl)

    cdef int open(self, int fd, Buffer *out, bytes name, bint is_address) except -1:
        """Read from `fd`, write to `out`, which must outlive the engine. A client says whom it expects: `name`, a host
        or an address; it is checked wherever the chain is."""
        cdef BIO *bio = BIO_new(outgoing)
        if bio == NULL:
            raise MemoryError()
        BIO_set_data(bio, out)
        BIO_set_init(bio, 1)
        SSL_set0_wbio(self.ssl, bio)
        if SSL_set_rfd(self.ssl, fd) != 1:
            raise MemoryError()
        if self.context.server:
            SSL_set_accept_state(self.ssl)
            return 0
        if not name:                       # which OpenSSL takes for: any
            good = 0
        elif is_address:
            good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(self.ssl), name)
        else:
            good = SSL_set1_host(self.ssl, name) and SSL_set_tlsext_host_name(self.ssl, name)
        if not good:
            raise TLSError(f"{name.decode()!r} cannot be a server's name")
        SSL_set_connect_state(self.ssl)
        return 0

    cdef int handshake(self) noexcept:
        """DONE, WANT_MORE or FAILED."""
        cdef const uint8_t *protocol = NULL
        cdef unsigned int n = 0
        cdef int code
        ERR_clear_error()
        code = SSL_do_handshake(self.ssl)
        if code != 1:
            return WANT_MORE if SSL_get_error(self.ssl, code) == SSL_ERROR_WANT_READ else FAILED
        SSL_get0_alpn_selected(self.ssl, &protocol, &n)
        self.up = n == 2 and memcmp(protocol, <char *> H2 + 1, 2) == 0
        return DONE if self.up else FAILED

    cdef Py_ssize_t read(self, void *to, int n) noexcept:
        """Bytes read, 0 for nothing now, -1 at the end."""
        cdef int got
        ERR_clear_error()
        got = SSL_read(self.ssl, to, n)
        if got > 0:
            return got
        return 0 if SSL_get_error(self.ssl, got) == SSL_ERROR_WANT_READ else -1

    cdef int write(self, const char *p, size_t n) noexcept:
        cdef size_t done = 0
        cdef int wrote
        ERR_clear_error()
        while done < n:
            wrote = SSL_write(self.ssl, p + done, <int> min(n - done, <size_t> 1 << 30))
            if wrote <= 0:
                return -1
            done += wrote
        return 0

    cdef bint pending(self) noexcept:
        return SSL_has_pending(self.ssl) != 0

    cdef void goodbye(self) noexcept:
        if self.up:
            ERR_clear_error()
            SSL_shutdown(self.ssl)

    cdef str why(self):
        """OpenSSL's reason for the last failure."""
        cdef long verdict = SSL_get_verify_result(self.ssl)
        cdef unsigned long code = ERR_peek_last_error()
        cdef const char *text
        if verdict != X509_V_OK:
            ERR_clear_error()
            return X509_verify_cert_error_string(verdict).decode()
        text = ERR_reason_error_string(code) if code else NULL
        ERR_clear_error()                  # other users of this thread's queue must not find it
        if text != NULL:
            return text.decode()
        return "peer closed the connection" if self.up else "peer closed the connection during the handshake"

    cdef bytes peer(self):
        """The peer's certificate as DER, or None."""
        cdef X509 *x = SSL_get1_peer_certificate(self.ssl)
        if x == NULL:
            return None
        try:
            return der(x)
        finally:
            X509_free(x)

    cdef list admitted(self):
        """The names (DER) of the authorities whose certificates the server says it lets clients in by, in its order."""
        cdef const X509_NAMES *names = SSL_get0_peer_CA_list(self.ssl)
        if names == NULL:
            return []
        return [name_der(sk_X509_NAME_value(names, i)) for i in range(sk_X509_NAME_num(names))]


cdef int bio_write(BIO *bio, const char *p, int n) noexcept:
    return -1 if append(<Buffer *> BIO_get_data(bio), p, n) else n


cdef long bio_control(BIO *bio, int command, long number, void *p) noexcept:
    return 1 if command == BIO_CTRL_FLUSH else 0


cdef int register() except -1:
    global outgoing
    outgoing = BIO_meth_new(BIO_TYPE_SOURCE_SINK, b"ichor buffer")
    if outgoing == NULL:
        raise MemoryError()
    BIO_meth_set_write(outgoing, bio_write)
    BIO_meth_set_ctrl(outgoing, bio_control)
    return 0


register()

# Included by tls.pyx: what goes into an SSL_CTX, and the checks of the peer's certificate.

cdef int settle(SSL_CTX *c) except -1:
    """What never varies."""
    SSL_CTX_set_security_level(c, 2)
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION)
    if SSL_CTX_set_cipher_list(c, b"ECDHE+AESGCM:ECDHE+CHACHA20") != 1:
        raise ValueError("no cipher of TLS 1.2 left")
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION)
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF)
    SSL_CTX_set_num_tickets(c, 0)
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS)
    SSL_CTX_set_read_ahead(c, 1)         # one recv() per wake-up, not one for each record's head and body
    return 0


cdef BIO *memory(bytes pem) except NULL:
    cdef BIO *bio = BIO_new_mem_buf(<char *> pem, <int> len(pem))
    if bio == NULL:
        raise MemoryError()
    return bio


cdef object refused(str what):
    cdef unsigned long code = ERR_peek_last_error()
    cdef const char *text = ERR_reason_error_string(code) if code else NULL
    ERR_clear_error()
    return ValueError(f"{what}: {text.decode() if text != NULL else 'refused'}")


cdef int use_chain(SSL_CTX *c, bytes pem) except -1:
    """The leaf and the certificates above it."""
    cdef BIO *bio = memory(pem)
    cdef X509 *x
    try:
        x = PEM_read_bio_X509(bio, NULL, NULL, NULL)
        if x == NULL:
            raise refused("certificate")
        ok = SSL_CTX_use_certificate(c, x)
        X509_free(x)
        while ok == 1:
            x = PEM_read_bio_X509(bio, NULL, NULL, NULL)
            if x == NULL:
                return at_end("certificate chain")
            ok = SSL_CTX_add0_chain_cert(c, x)
            if ok != 1:
                X509_free(x)
        raise refused("certificate")
    finally:
        BIO_free(bio)


cdef int at_end(str what) except -1:
    """PEM ended because nothing follows, and not in the middle of something."""
    if ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE:
        raise refused(what)
    ERR_clear_error()
    return 0


cdef int use_key(SSL_CTX *c, bytes pem) except -1:
    cdef BIO *bio = memory(pem)
    cdef EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, <void *> b"")
    BIO_free(bio)
    if key == NULL:
        raise refused("private key")
    ok = SSL_CTX_use_PrivateKey(c, key)
    EVP_PKEY_free(key)
    if ok != 1 or SSL_CTX_check_private_key(c) != 1:
        raise refused("private key")
    return 0


cdef int trust(SSL_CTX *c, bytes pem) except -1:
    """Accept the CAs of a bundle, at least one."""
    cdef BIO *bio = memory(pem)
    cdef X509_STORE *store = SSL_CTX_get_cert_store(c)
    cdef X509 *x
    cdef int found = 0
    try:
        while True:
            x = PEM_read_bio_X509(bio, NULL, NULL, NULL)
            if x == NULL:
                break
            ok = X509_STORE_add_cert(store, x)
            X509_free(x)
            if ok != 1:
                raise refused("certificate authority")
            found += 1
        if not found:
            raise refused("certificate authorities")
        return at_end("certificate authorities")
    finally:
        BIO_free(bio)


cdef int choose_protocol(SSL *ssl, const uint8_t **out, uint8_t *out_length, const uint8_t *offered, unsigned int n,
                         void *arg) noexcept:
    if SSL_select_next_proto(<uint8_t **> out, out_length, <const uint8_t *> <char *> H2, 3, offered, n) \
            == OPENSSL_NPN_NEGOTIATED:
        return SSL_TLSEXT_ERR_OK
    return SSL_TLSEXT_ERR_ALERT_FATAL


cdef int check_client(int ok, X509_STORE_CTX *chain) noexcept:
    """Called for each certificate of the verified chain: no server's certificate may act as a client."""
    cdef X509 *x = X509_STORE_CTX_get_current_cert(chain)
    if not ok or x == NULL:
        return ok
    if X509_STORE_CTX_get_error_depth(chain) > 0 and X509_check_ca(x) == 1:
        return 1
    if only_client_auth(x):
        return 1
    X509_STORE_CTX_set_error(chain, X509_V_ERR_INVALID_PURPOSE)
    return 0


cdef bint only_client_auth(X509 *x) noexcept:
    cdef EXTENDED_KEY_USAGE *usage = <EXTENDED_KEY_USAGE *> X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL)
    cdef bint only
    if usage == NULL:
        return False
    only = sk_ASN1_OBJECT_num(usage) == 1 and OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, 0)) == NID_client_auth
    EXTENDED_KEY_USAGE_free(usage)
    return only


cdef int check_pin(X509_STORE_CTX *chain, void *arg) noexcept:
    """Trust a server by its public key alone."""
    cdef bytes pins = (<TLSContext> arg).pins
    cdef const char *pin = pins
    cdef uint8_t digest[32]
    cdef unsigned int n = 0
    cdef Py_ssize_t i
    cdef X509 *x = X509_STORE_CTX_get0_cert(chain)
    if x != NULL and spki_digest(x, digest):
        for i in range(len(pins) // 32):
            if memcmp(pin + 32 * i, digest, 32) == 0:
                X509_STORE_CTX_set_error(chain, X509_V_OK)
                return 1
    X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED)
    return 0


cdef bint spki_digest(X509 *x, uint8_t *digest) noexcept:
    """SHA-256 of the SubjectPublicKeyInfo."""
    cdef uint8_t *info = NULL
    cdef int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &info)
    cdef int ok
    if n <= 0:
        return False
    ok = EVP_Digest(info, n, digest, NULL, EVP_sha256(), NULL)
    OPENSSL_free(info)
    return ok == 1


cdef bytes der(X509 *x):
    cdef int n = i2d_X509(x, NULL)
    cdef bytes out
    cdef uint8_t *p
    if n <= 0:
        return None
    out = PyBytes_FromStringAndSize(NULL, n)
    p = <uint8_t *> PyBytes_AS_STRING(out)
    i2d_X509(x, &p)
    return out


cdef bytes name_der(X509_NAME *name):
    cdef uint8_t *p = NULL
    cdef int n = i2d_X509_NAME(name, &p)
    if n < 0:
        raise MemoryError()
    try:
        return PyBytes_FromStringAndSize(<char *> p, n)
    finally:
        OPENSSL_free(p)

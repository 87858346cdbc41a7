# distutils: libraries = crypto
"""AES-256-GCM by OpenSSL (NIST SP 800-38D): a sealed message is the ciphertext and its tag of 16 bytes. Keeps nothing
between calls; the caller never uses a nonce twice with one key."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_CIPHER_CTX
    ctypedef struct EVP_CIPHER
    ctypedef struct ENGINE
    int EVP_CTRL_AEAD_GET_TAG
    int EVP_CTRL_AEAD_SET_TAG
    EVP_CIPHER_CTX *EVP_CIPHER_CTX_new()
    void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *)
    const EVP_CIPHER *EVP_aes_256_gcm()
    int EVP_CipherInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, ENGINE *, const unsigned char *, const unsigned char *, int)
    int EVP_CipherUpdate(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int)
    int EVP_CipherFinal_ex(EVP_CIPHER_CTX *, unsigned char *, int *)
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *, int, int, void *)

cdef extern from "openssl/err.h" nogil:
    void ERR_clear_error()

KEY = 32
NONCE = 12
TAG = 16
LARGEST = 1 << 24


def seal(bytes key not None, bytes nonce not None, bytes message not None, bytes extra=b""):
    """The message sealed; `extra` is vouched for and not part of it. Raises ValueError for wrong lengths."""
    cdef Py_ssize_t length = len(message)
    check(key, nonce, length, extra)
    sealed = PyBytes_FromStringAndSize(NULL, length + TAG)
    cdef unsigned char *out = <unsigned char *>PyBytes_AS_STRING(sealed)
    if not run(key, nonce, message, length, extra, out, out + length, 1):
        raise MemoryError("OpenSSL does not seal")
    return sealed


def unseal(bytes key not None, bytes nonce not None, bytes sealed not None, bytes extra=b""):
    """What was sealed by the same key and nonce with the same `extra`; None for anything else. Raises ValueError for
    wrong lengths of key and nonce."""
    cdef Py_ssize_t length = len(sealed) - TAG
    if length < 0:
        return None
    check(key, nonce, length, extra)
    message = PyBytes_FromStringAndSize(NULL, length)
    cdef unsigned char *tag = <unsigned char *>PyBytes_AS_STRING(sealed) + length
    cdef unsigned char *out = <unsigned char *>PyBytes_AS_STRING(message)
    return message if run(key, nonce, sealed, length, extra, out, tag, 0) else None


cdef int check(bytes key, bytes nonce, Py_ssize_t length, bytes extra) except -1:
    if len(key) != KEY or len(nonce) != NONCE or length > LARGEST or len(extra) > LARGEST:
        raise ValueError("a key has 32 bytes, a nonce 12, a message 16 MiB at most")
    return 0


cdef bint run(
    bytes key, bytes nonce, bytes data, Py_ssize_t length, bytes extra, unsigned char *out, unsigned char *tag, int sealing
) except -1:
    """Whether all went well; opening, that the tag is right."""
    cdef const unsigned char *k = <const unsigned char *>PyBytes_AS_STRING(key)
    cdef const unsigned char *n = <const unsigned char *>PyBytes_AS_STRING(nonce)
    cdef const unsigned char *d = <const unsigned char *>PyBytes_AS_STRING(data)
    cdef const unsigned char *e = <const unsigned char *>PyBytes_AS_STRING(extra)
    cdef int size = <int>length, extras = <int>len(extra), done = 0
    cdef unsigned char rest[16]
    cdef bint well
    cdef EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new()
    if context == NULL:
        raise MemoryError()
    with nogil:
        well = (
            EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, k, n, sealing) == 1
            and (sealing or EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1)
            and EVP_CipherUpdate(context, NULL, &done, e, extras) == 1
            and EVP_CipherUpdate(context, out, &done, d, size) == 1
            and EVP_CipherFinal_ex(context, rest, &done) == 1
            and (not sealing or EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1)
        )
        EVP_CIPHER_CTX_free(context)
        ERR_clear_error()
    return well

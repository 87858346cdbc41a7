# What we use of OpenSSL 3.0 and later.
from libc.stdint cimport uint8_t, uint64_t


cdef extern from "openssl/bio.h":
    ctypedef struct BIO
    ctypedef struct BIO_METHOD
    BIO *BIO_new(const BIO_METHOD *)
    BIO *BIO_new_mem_buf(const void *, int)
    int BIO_free(BIO *)
    BIO_METHOD *BIO_meth_new(int, const char *)
    int BIO_meth_set_write(BIO_METHOD *, int (*)(BIO *, const char *, int) noexcept)
    int BIO_meth_set_ctrl(BIO_METHOD *, long (*)(BIO *, int, long, void *) noexcept)
    void BIO_set_data(BIO *, void *)
    void *BIO_get_data(BIO *)
    void BIO_set_init(BIO *, int)
    enum:
        BIO_CTRL_FLUSH
        BIO_TYPE_SOURCE_SINK


cdef extern from "openssl/err.h":
    unsigned long ERR_get_error()
    unsigned long ERR_peek_last_error()
    void ERR_clear_error()
    const char *ERR_reason_error_string(unsigned long)
    int ERR_GET_REASON(unsigned long)


cdef extern from "openssl/evp.h":
    ctypedef struct EVP_PKEY
    ctypedef struct EVP_MD
    void EVP_PKEY_free(EVP_PKEY *)
    const EVP_MD *EVP_sha256()
    int EVP_Digest(const void *, size_t, uint8_t *, unsigned int *, const EVP_MD *, void *)
    void OPENSSL_free(void *)


cdef extern from "openssl/x509v3.h":
    ctypedef struct X509
    ctypedef struct X509_STORE
    ctypedef struct X509_STORE_CTX
    ctypedef struct X509_VERIFY_PARAM
    ctypedef struct ASN1_OBJECT
    ctypedef struct EXTENDED_KEY_USAGE
    ctypedef struct X509_NAME
    ctypedef struct X509_NAMES "STACK_OF(X509_NAME)"
    int sk_X509_NAME_num(const X509_NAMES *)
    X509_NAME *sk_X509_NAME_value(const X509_NAMES *, int)
    int i2d_X509_NAME(const X509_NAME *, uint8_t **)
    void X509_free(X509 *)
    int i2d_X509(X509 *, uint8_t **)
    ctypedef struct X509_PUBKEY
    X509_PUBKEY *X509_get_X509_PUBKEY(const X509 *)
    int i2d_X509_PUBKEY(X509_PUBKEY *, uint8_t **)
    int X509_check_ca(X509 *)
    void *X509_get_ext_d2i(const X509 *, int, int *, int *)
    int sk_ASN1_OBJECT_num(const EXTENDED_KEY_USAGE *)
    ASN1_OBJECT *sk_ASN1_OBJECT_value(const EXTENDED_KEY_USAGE *, int)
    void EXTENDED_KEY_USAGE_free(EXTENDED_KEY_USAGE *)
    int OBJ_obj2nid(const ASN1_OBJECT *)
    int X509_STORE_add_cert(X509_STORE *, X509 *)
    X509 *X509_STORE_CTX_get_current_cert(const X509_STORE_CTX *)
    X509 *X509_STORE_CTX_get0_cert(const X509_STORE_CTX *)
    int X509_STORE_CTX_get_error_depth(const X509_STORE_CTX *)
    void X509_STORE_CTX_set_error(X509_STORE_CTX *, int)
    int X509_VERIFY_PARAM_set1_ip_asc(X509_VERIFY_PARAM *, const char *)
    const char *X509_verify_cert_error_string(long)
    enum:
        NID_ext_key_usage
        NID_client_auth
        X509_V_OK
        X509_V_ERR_INVALID_PURPOSE
        X509_V_ERR_CERT_REJECTED


cdef extern from "openssl/pem.h":
    X509 *PEM_read_bio_X509(BIO *, X509 **, void *, void *)
    EVP_PKEY *PEM_read_bio_PrivateKey(BIO *, EVP_PKEY **, void *, void *)
    enum:
        PEM_R_NO_START_LINE


cdef extern from "openssl/ssl.h":
    ctypedef struct SSL_CTX
    ctypedef struct SSL
    ctypedef struct SSL_METHOD
    const SSL_METHOD *TLS_server_method()
    const SSL_METHOD *TLS_client_method()
    SSL_CTX *SSL_CTX_new(const SSL_METHOD *)
    void SSL_CTX_free(SSL_CTX *)
    int SSL_CTX_set_min_proto_version(SSL_CTX *, int)
    int SSL_CTX_set_cipher_list(SSL_CTX *, const char *)
    void SSL_CTX_set_security_level(SSL_CTX *, int)
    uint64_t SSL_CTX_set_options(SSL_CTX *, uint64_t)
    long SSL_CTX_set_session_cache_mode(SSL_CTX *, long)
    long SSL_CTX_set_mode(SSL_CTX *, long)
    int SSL_CTX_set_num_tickets(SSL_CTX *, size_t)
    void SSL_CTX_set_read_ahead(SSL_CTX *, int)
    int SSL_CTX_use_certificate(SSL_CTX *, X509 *)
    long SSL_CTX_add0_chain_cert(SSL_CTX *, X509 *)
    int SSL_CTX_use_PrivateKey(SSL_CTX *, EVP_PKEY *)
    int SSL_CTX_check_private_key(const SSL_CTX *)
    X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *)
    void SSL_CTX_set_verify(SSL_CTX *, int, int (*)(int, X509_STORE_CTX *) noexcept)
    void SSL_CTX_set_cert_verify_callback(SSL_CTX *, int (*)(X509_STORE_CTX *, void *) noexcept, void *)
    void SSL_CTX_set_alpn_select_cb(
        SSL_CTX *, int (*)(SSL *, const uint8_t **, uint8_t *, const uint8_t *, unsigned int, void *) noexcept, void *)
    int SSL_CTX_set_alpn_protos(SSL_CTX *, const uint8_t *, unsigned int)
    int SSL_select_next_proto(uint8_t **, uint8_t *, const uint8_t *, unsigned int, const uint8_t *, unsigned int)
    void SSL_get0_alpn_selected(const SSL *, const uint8_t **, unsigned int *)
    SSL *SSL_new(SSL_CTX *)
    void SSL_free(SSL *)
    int SSL_set_rfd(SSL *, int)
    void SSL_set0_wbio(SSL *, BIO *)
    int SSL_set1_host(SSL *, const char *)
    long SSL_set_tlsext_host_name(SSL *, const char *)
    X509_VERIFY_PARAM *SSL_get0_param(SSL *)
    void SSL_set_accept_state(SSL *)
    void SSL_set_connect_state(SSL *)
    int SSL_do_handshake(SSL *)
    int SSL_read(SSL *, void *, int)
    int SSL_write(SSL *, const void *, int)
    int SSL_has_pending(const SSL *)
    int SSL_get_error(const SSL *, int)
    int SSL_shutdown(SSL *)
    long SSL_get_verify_result(const SSL *)
    X509 *SSL_get1_peer_certificate(const SSL *)
    const X509_NAMES *SSL_get0_peer_CA_list(const SSL *)
    const char *SSL_get_version(const SSL *)
    enum:
        TLS1_2_VERSION
        SSL_ERROR_WANT_READ
        SSL_ERROR_ZERO_RETURN
        SSL_VERIFY_NONE
        SSL_VERIFY_PEER
        SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        SSL_MODE_ENABLE_PARTIAL_WRITE
        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
        SSL_MODE_RELEASE_BUFFERS
        SSL_OP_NO_TICKET
        SSL_OP_NO_RENEGOTIATION
        SSL_OP_NO_COMPRESSION
        SSL_OP_CIPHER_SERVER_PREFERENCE
        SSL_SESS_CACHE_OFF
        SSL_TLSEXT_ERR_OK
        SSL_TLSEXT_ERR_ALERT_FATAL
        OPENSSL_NPN_NEGOTIATED

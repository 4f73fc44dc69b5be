// SPDX-License-Identifier: Apache-2.0
// What a TLS peer sends before, during and after the handshake. The first byte selects the mode:
// the rest is everything that the peer sends; or the peer is a real one, and at a position in its
// output (the next two bytes) the rest overwrites it, is inserted, or replaces what follows; or the
// rest is a certificate. In every mode, the bytes that we receive must be bytes that a real peer
// has sent.
#include "basic/log.h"
#include "net/tls/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_STEPS  40
#define N_SENT   5000 // bytes of the true peer, and of ours
#define MAX_READ 700

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode { MODE_RAW, MODE_OVERWRITE, MODE_INSERT, MODE_INSTEAD, MODE_NAMES, N_MODES };

struct peer {
    enum mode mode;
    int fd;
    gnutls_session_t session; // NULL in MODE_RAW
    size_t at;                // where `data` goes
    size_t position;          // bytes sent
    const uint8_t *data;
    size_t size;
    bool has_met;
    size_t n_sent;
    unsigned char truth[N_SENT];
};

static struct tls_material *material;

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void save(const char *path, gnutls_datum_t *text)
{
    FILE *file = fopen(path, "w");

    check(file && fwrite(text->data, 1, text->size, file) == text->size && !fclose(file));
    gnutls_free(text->data);
}

// Makes a key and a self-signed certificate, which is its own CA.
static void make_identity(const char *key_path, const char *cert_path)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    gnutls_datum_t text;

    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&cert);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_serial(cert, "\1", 1);
    gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, "fuzz", 4);
    gnutls_x509_crt_set_activation_time(cert, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 365 * 86400);
    gnutls_x509_crt_set_basic_constraints(cert, 1, -1);
    gnutls_x509_crt_set_key(cert, key);
    check(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) >= 0);
    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text);
    save(key_path, &text);
    gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &text);
    save(cert_path, &text);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

static void set_up(void)
{
    char folder[] = "/tmp/fuzz_tls.XXXXXX";
    char key[64], cert[64];

    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    check(mkdtemp(folder));
    snprintf(key, sizeof(key), "%s/key", folder);
    snprintf(cert, sizeof(cert), "%s/cert", folder);
    make_identity(key, cert);
    check(!tls_material_load(
        &(struct tls_options){.private_key = key, .certificate = cert, .ca_cert = cert}, false,
        &material));
    unlink(key);
    unlink(cert);
    rmdir(folder);
}

// The buffer of the socket is large enough for everything that one step sends.
static void put(struct peer *peer, const void *data, size_t size)
{
    if (size && send(peer->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        shutdown(peer->fd, SHUT_RDWR);
    }
}

// Sends for the real peer, and changes what it sends.
static ssize_t push(gnutls_transport_ptr_t userdata, const void *data, size_t size)
{
    struct peer *peer = userdata;
    size_t before = MIN(size, peer->at > peer->position ? peer->at - peer->position : 0);
    const unsigned char *rest = (const unsigned char *)data + before;

    if (peer->position > peer->at && peer->mode == MODE_INSTEAD) {
        return (ssize_t)size;
    }
    put(peer, data, before);
    if (peer->position <= peer->at && peer->at < peer->position + size) {
        put(peer, peer->data, peer->size);
        if (peer->mode == MODE_OVERWRITE) {
            rest += MIN(peer->size, size - before);
        }
    }
    if (peer->mode != MODE_INSTEAD || peer->at >= peer->position + size) {
        put(peer, rest, size - (size_t)(rest - (const unsigned char *)data));
    }
    peer->position += size;
    return (ssize_t)size;
}

static ssize_t pull(gnutls_transport_ptr_t userdata, void *data, size_t size)
{
    struct peer *peer = userdata;

    return recv(peer->fd, data, size, MSG_DONTWAIT);
}

static void peer_begin(struct peer *peer, bool is_server)
{
    for (size_t i = 0; i < N_SENT; i++) {
        peer->truth[i] = (unsigned char)(i * 7);
    }
    if (peer->mode == MODE_RAW) {
        put(peer, peer->data, peer->size);
        shutdown(peer->fd, SHUT_WR);
        return;
    }
    gnutls_init(&peer->session,
                (is_server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    gnutls_priority_set(peer->session, material->priority.of[TLS_ANY]);
    gnutls_credentials_set(peer->session, GNUTLS_CRD_CERTIFICATE, material->credentials);
    gnutls_transport_set_ptr(peer->session, peer);
    gnutls_transport_set_push_function(peer->session, push);
    gnutls_transport_set_pull_function(peer->session, pull);
    if (is_server) {
        gnutls_certificate_server_set_request(peer->session, GNUTLS_CERT_REQUIRE);
    }
}

static void peer_step(struct peer *peer)
{
    char buffer[MAX_READ];
    ssize_t n;

    if (!peer->session) {
        while (recv(peer->fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
        }
        return;
    }
    if (!peer->has_met) {
        peer->has_met = gnutls_handshake(peer->session) == 0;
        return;
    }
    n = gnutls_record_send(peer->session, peer->truth + peer->n_sent,
                           MIN((size_t)N_SENT - peer->n_sent, (size_t)1000));
    peer->n_sent += n > 0 ? (size_t)n : 0;
    gnutls_record_recv(peer->session, buffer, sizeof(buffer));
}

// Our side after the handshake. Returns false when the connection has ended.
static bool use(struct stream *stream, const struct peer *peer, size_t *n_received)
{
    static char text[] = "[\"piece\"]{}";
    const struct iovec iov[] = {{text, 9}, {text + 9, 2}};
    unsigned char buffer[MAX_READ];
    ssize_t n = stream->ops->recv(stream, buffer, sizeof(buffer));

    if (n > 0) {
        check(*n_received + (size_t)n <= peer->n_sent);
        check(!memcmp(buffer, peer->truth + *n_received, (size_t)n));
        *n_received += (size_t)n;
    } else if (n != -EAGAIN) {
        check(strlen(stream->ops->error(stream, (int)-n)) || n != -EPROTO);
        return false;
    }
    n = stream->ops->send(stream, iov, 2);
    return n > 0 || n == -EAGAIN;
}

static void meet(struct peer *peer, int fd, bool is_server)
{
    struct tls *tls = tls_new(tls_material_ref(material), fd, is_server, NULL);
    struct stream stream = {0};
    size_t n_received = 0;
    int r = -EAGAIN;

    for (int i = 0; i < N_STEPS; i++) {
        uint32_t events = 0;

        peer_step(peer);
        if (r == -EAGAIN) {
            r = tls_handshake(tls, &events);
            check(r != -EAGAIN || events == EPOLLIN || events == EPOLLOUT);
            if (!r) {
                check(peer->mode != MODE_RAW && tls_peer(tls)->cn);
                stream_init_tls(&stream, fd, tls);
            }
        }
        if (r < 0 && r != -EAGAIN) {
            check(r == -ECONNRESET || *tls_reason(tls));
            break;
        }
        if (!r && !use(&stream, peer, &n_received)) {
            break;
        }
    }
    if (r) {
        tls_free(tls);
        close(fd);
    } else {
        stream.ops->close(&stream);
    }
}

static void read_names(const uint8_t *data, size_t size)
{
    gnutls_datum_t der = {(unsigned char *)(uintptr_t)data, (unsigned)size};
    gnutls_x509_crt_t certificate;
    struct tls_peer peer;

    gnutls_x509_crt_init(&certificate);
    if (gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER) >= 0) {
        peer = tls_peer_new(certificate);
        tls_peer_done(&peer);
        free(tls_subject(certificate));
        free(tls_issuer(certificate));
    }
    gnutls_x509_crt_deinit(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer peer = {0};
    bool is_server;
    int fds[2];

    if (size < 3) {
        return 0;
    }
    if (!material) {
        set_up();
    }
    is_server = !(data[0] & 0x80);
    peer.mode = (enum mode)((data[0] & 0x7f) % N_MODES);
    peer.at = data[1] | (size_t)data[2] << 8;
    peer.data = data + 3;
    peer.size = size - 3;
    if (peer.mode == MODE_NAMES) {
        read_names(peer.data, peer.size);
        return 0;
    }
    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
    peer.fd = fds[1];
    peer_begin(&peer, !is_server);
    meet(&peer, fds[0], is_server);
    if (peer.session) {
        gnutls_deinit(peer.session);
    }
    close(fds[1]);
    return 0;
}

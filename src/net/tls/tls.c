// SPDX-License-Identifier: Apache-2.0
// Output: gnutls keeps a record that it could not write completely, and must finish it first. The
// bytes of this record stay at the head of the sender's queue and count as sent when the record is
// finished.
// Input: bytes that gnutls has decrypted and keeps do not make the socket readable. tls_pending()
// reports them.
#include "net/tls/tls.h"

#include "basic/alloc.h"
#include "basic/log.h"
#include "net/tls/verify.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

LOG_MODULE(tls);

#define MAX_RECORD       16384
#define MAX_STEPS        64 // calls of gnutls in a row
#define RECORD_ALERT     21
#define RECORD_HANDSHAKE 22
#define ALERT_SIZE       7 // bytes of an unencrypted alert, its record header included

struct tls {
    gnutls_session_t session;
    struct tls_material *material;
    int fd;
    bool is_server;
    bool has_spoken;       // the peer has sent something
    bool has_bootstrapped; // see tls_has_bootstrapped()
    bool has_ended;        // recv() returns `end` from now on
    ssize_t end;
    size_t in_flight;               // bytes of the record that is not completely written
    unsigned char tail[ALERT_SIZE]; // the latest bytes received
    struct tls_peer peer;
    char *reason;
    gnutls_alert_description_t alert; // to send for `reason`; 0: gnutls determines it
};

static int on_verify(gnutls_session_t session)
{
    struct tls *tls = gnutls_session_get_ptr(session);
    int r;

    if (!tls->material->verifies) {
        return 0;
    }
    r = tls_verify(session, tls->material, tls->is_server, &tls->peer, &tls->alert, &tls->reason);
    tls->has_bootstrapped = r == -EAGAIN;
    return r < 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

static void keep_tail(struct tls *tls, const unsigned char *data, size_t size)
{
    size_t n = MIN(size, sizeof(tls->tail));

    memmove(tls->tail, tls->tail + n, sizeof(tls->tail) - n);
    memcpy(tls->tail + sizeof(tls->tail) - n, data + size - n, n);
}

// Shows a client that does not use TLS that the server does: the first byte of an alert is
// recognizable. Reads what the client has sent, because the kernel would otherwise drop the alert
// when the socket is closed.
static void send_plain_alert(const struct tls *tls)
{
    static const unsigned char alert[ALERT_SIZE] = {
        RECORD_ALERT, 3, 3, 0, 2, GNUTLS_AL_FATAL, GNUTLS_A_UNEXPECTED_MESSAGE};
    char unread[4096];

    // The connection ends, whether or not these calls succeed.
    (void)recv(tls->fd, unread, sizeof(unread), MSG_DONTWAIT);
    (void)send(tls->fd, alert, sizeof(alert), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Receives for gnutls. Recognizes a peer that uses another protocol, for which gnutls would report
// a misleading error.
static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t size)
{
    struct tls *tls = userdata;
    ssize_t n = recv(tls->fd, data, size, MSG_DONTWAIT);
    const unsigned char *first = data;

    if (n <= 0) {
        return n;
    }
    keep_tail(tls, data, (size_t)n);
    if (tls->has_spoken) {
        return n;
    }
    tls->has_spoken = true;
    if (*first == RECORD_HANDSHAKE || *first == RECORD_ALERT) {
        return n;
    }
    tls->reason = xstrdup(*first == '{' || *first == '[' ? "the peer speaks JSON-RPC without TLS"
                                                         : "the peer does not speak TLS");
    if (tls->is_server) {
        send_plain_alert(tls);
    }
    errno = EPROTO;
    return -1;
}

// The version is negotiated. Restricts the ciphers to those of this version.
static int on_client_hello(gnutls_session_t session)
{
    struct tls *tls = gnutls_session_get_ptr(session);

    gnutls_priority_set(
        session, tls_priority_for(&tls->material->priority, gnutls_protocol_get_version(session)));
    return 0;
}

// RFC 6066 3 does not allow IP addresses as server names.
static void announce_server_name(struct tls *tls, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (name && inet_pton(AF_INET, name, address) != 1 && inet_pton(AF_INET6, name, address) != 1) {
        gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, name, strlen(name));
    }
}

struct tls *tls_new(struct tls_material *material, int fd, bool is_server, const char *host)
{
    struct tls *tls = NEW(struct tls);
    unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS |
                     // Otherwise gnutls sends no certificate to a server that does not accept its
                     // issuer, and the server's reason would be a missing certificate.
                     GNUTLS_FORCE_CLIENT_CERT;

    tls->material = material;
    tls->fd = fd;
    tls->is_server = is_server;
    if (gnutls_init(&tls->session, flags | (is_server ? GNUTLS_SERVER : GNUTLS_CLIENT)) < 0) {
        log_emer("no memory for a TLS session");
        abort();
    }
    gnutls_session_set_ptr(tls->session, tls);
    gnutls_priority_set(tls->session, material->priority.of[TLS_ANY]);
    gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, material->credentials);
    gnutls_session_set_verify_function(tls->session, on_verify);
    gnutls_transport_set_ptr2(tls->session, tls, (gnutls_transport_ptr_t)(intptr_t)fd);
    gnutls_transport_set_pull_function(tls->session, on_pull);
    if (is_server) {
        gnutls_certificate_server_set_request(
            tls->session, material->verifies ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
        gnutls_handshake_set_post_client_hello_function(tls->session, on_client_hello);
    } else {
        announce_server_name(tls, material->server_name ? material->server_name : host);
    }
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls) {
        return;
    }
    gnutls_deinit(tls->session);
    tls_material_unref(tls->material);
    tls_peer_done(&tls->peer);
    free(tls->reason);
    free(tls);
}

const char *tls_reason(const struct tls *tls)
{
    return tls->reason ? tls->reason : "";
}

bool tls_has_bootstrapped(const struct tls *tls)
{
    return tls->has_bootstrapped;
}

const struct tls_peer *tls_peer(const struct tls *tls)
{
    return &tls->peer;
}

struct tls_peer tls_take_peer(struct tls *tls)
{
    struct tls_peer peer = tls->peer;

    tls->peer = (struct tls_peer){0};
    return peer;
}

bool tls_is_verified(const struct tls *tls)
{
    return tls->material->verifies;
}

char *tls_description(const struct tls *tls)
{
    return xasprintf("%s, %s", gnutls_protocol_get_name(gnutls_protocol_get_version(tls->session)),
                     gnutls_cipher_get_name(gnutls_cipher_get(tls->session)));
}

static char *explain_alert(gnutls_alert_description_t alert)
{
    const char *name = gnutls_alert_get_name(alert);

    return xasprintf("the peer refused: %s", name ? name : "unknown alert");
}

// A TLS 1.3 client that refuses our certificate may send the alert unencrypted (RFC 8446 6), as
// clients with OpenSSL do. gnutls tries to decrypt it and fails.
static bool has_plain_alert(const struct tls *tls)
{
    static const unsigned char head[] = {RECORD_ALERT, 3, 3, 0, 2};

    return !memcmp(tls->tail, head, sizeof(head));
}

// A server that does not use TLS closes the connection when it reads the ClientHello.
static const char *silence_hint(const struct tls *tls)
{
    return tls->is_server || tls->has_spoken
               ? ""
               : " without an answer: it may not speak TLS (tcp: instead of ssl:)";
}

static char *explain_error(struct tls *tls, int r)
{
    switch (r) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return explain_alert(gnutls_alert_get(tls->session));
    case GNUTLS_E_DECRYPTION_FAILED:
        return has_plain_alert(tls) ? explain_alert(tls->tail[ALERT_SIZE - 1])
                                    : xstrdup(gnutls_strerror(r));
    case GNUTLS_E_PREMATURE_TERMINATION:
        return xasprintf("the peer closed the connection%s", silence_hint(tls));
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
        return xasprintf("the connection broke: %s%s", strerror(errno), silence_hint(tls));
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
    case GNUTLS_E_CERTIFICATE_REQUIRED:
        return xstrdup("the peer sent no certificate");
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        return xstrdup("no TLS version in common with the peer");
    case GNUTLS_E_NO_CIPHER_SUITES:
    case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
        return xstrdup("no cipher in common with the peer");
    default:
        return xstrdup(gnutls_strerror(r));
    }
}

static void set_reason(struct tls *tls, int r)
{
    if (!tls->reason) {
        tls->reason = explain_error(tls, r);
    }
}

// Refuses a cipher that is enabled, but not for the negotiated version. The server could choose it,
// because a client offers the ciphers of all versions in one list.
static int check_cipher(struct tls *tls)
{
    gnutls_protocol_t version = gnutls_protocol_get_version(tls->session);
    gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(tls->session);

    if (tls_priority_allows(&tls->material->priority, version, cipher)) {
        return 0;
    }
    tls->reason = xasprintf("the peer has chosen the cipher %s, which is not enabled for %s",
                            gnutls_cipher_get_name(cipher), gnutls_protocol_get_name(version));
    return -EPROTO;
}

// An alert that cannot be sent is lost; the connection ends anyway.
static void send_alert(struct tls *tls, int r)
{
    if (r == GNUTLS_E_NO_CERTIFICATE_FOUND) {
        tls->alert = GNUTLS_A_HANDSHAKE_FAILURE; // RFC 5246 7.4.6; gnutls sends decode_error
    }
    if (tls->alert) {
        gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, tls->alert);
    } else {
        gnutls_alert_send_appropriate(tls->session, r);
    }
}

int tls_handshake(struct tls *tls, uint32_t *ret_events)
{
    int r = GNUTLS_E_AGAIN;

    for (int i = 0; i < MAX_STEPS; i++) {
        r = gnutls_handshake(tls->session);
        if (r == GNUTLS_E_AGAIN || r == 0 || gnutls_error_is_fatal(r)) {
            break;
        }
    }
    if (r == 0) {
        return check_cipher(tls);
    }
    if (!gnutls_error_is_fatal(r)) {
        *ret_events = gnutls_record_get_direction(tls->session) ? EPOLLOUT : EPOLLIN;
        return -EAGAIN;
    }
    set_reason(tls, r);
    send_alert(tls, r);
    return r == GNUTLS_E_PREMATURE_TERMINATION && !tls->has_spoken ? -ECONNRESET : -EPROTO;
}

static ssize_t set_end(struct tls *tls, ssize_t value)
{
    tls->has_ended = true;
    tls->end = value;
    return value;
}

// Interprets a result of gnutls_record_recv() other than bytes. Returns 1 if it is to be called
// again, otherwise what recv() returns.
static ssize_t handle_no_bytes(struct tls *tls, ssize_t r)
{
    switch (r) {
    case GNUTLS_E_AGAIN:
        return -EAGAIN;
    case 0:
    case GNUTLS_E_PREMATURE_TERMINATION:
        return set_end(tls, 0);
    case GNUTLS_E_REHANDSHAKE:
        gnutls_alert_send(tls->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
        return 1;
    case GNUTLS_E_PULL_ERROR:
        return set_end(tls, errno && errno != EAGAIN ? -errno : -EIO);
    default:
        if (!gnutls_error_is_fatal((int)r)) {
            return 1;
        }
        set_reason(tls, (int)r);
        return set_end(tls, -EPROTO);
    }
}

static ssize_t tls_recv(struct stream *stream, void *data, size_t size)
{
    struct tls *tls = stream->tls;
    size_t done = 0;

    if (tls->has_ended) {
        return tls->end;
    }
    for (int i = 0; i < MAX_STEPS && done < size; i++) {
        ssize_t n = gnutls_record_recv(tls->session, (char *)data + done, size - done);

        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        n = handle_no_bytes(tls, n);
        if (n <= 0) {
            return done ? (ssize_t)done : n;
        }
    }
    return done ? (ssize_t)done : -EAGAIN;
}

// Finds the first bytes of `iov` that go into one record, and copies small pieces together in
// `room`. Returns the size.
static size_t gather_record(const struct iovec *iov, int n, char room[MAX_RECORD], const void **ret)
{
    size_t size = 0;

    if (n == 1 || iov[0].iov_len >= MAX_RECORD) {
        *ret = iov[0].iov_base;
        return MIN(iov[0].iov_len, (size_t)MAX_RECORD);
    }
    for (int i = 0; i < n && size < MAX_RECORD; i++) {
        size_t part = MIN(iov[i].iov_len, MAX_RECORD - size);

        memcpy(room + size, iov[i].iov_base, part);
        size += part;
    }
    *ret = room;
    return size;
}

// Sending has failed. Looks for an alert of the peer with the reason. Returns what send() returns.
static ssize_t find_send_error(struct tls *tls, int error)
{
    char room[MAX_RECORD];
    ssize_t r = 1;

    for (int i = 0; i < MAX_STEPS && r > 0; i++) {
        r = gnutls_record_recv(tls->session, room, sizeof(room));
    }
    if (r != GNUTLS_E_FATAL_ALERT_RECEIVED) {
        return -error;
    }
    set_reason(tls, (int)r);
    return -EPROTO;
}

static ssize_t tls_send(struct stream *stream, const struct iovec *iov, int n)
{
    struct tls *tls = stream->tls;
    char room[MAX_RECORD];
    const void *data = NULL;
    size_t size = 0;
    ssize_t r;

    if (!tls->in_flight) {
        size = gather_record(iov, n, room, &data);
    }
    do {
        r = gnutls_record_send(tls->session, data, size);
    } while (r == GNUTLS_E_INTERRUPTED);
    if (r == GNUTLS_E_AGAIN) {
        tls->in_flight += size;
        return -EAGAIN;
    }
    if (r < 0) {
        if (r == GNUTLS_E_PUSH_ERROR && errno && errno != EAGAIN) {
            return find_send_error(tls, errno);
        }
        set_reason(tls, (int)r);
        return -EPROTO;
    }
    if (tls->in_flight) {
        r = (ssize_t)tls->in_flight;
        tls->in_flight = 0;
    }
    return r;
}

static bool tls_pending(const struct stream *stream)
{
    return stream->tls->has_ended || gnutls_record_check_pending(stream->tls->session) > 0;
}

static const char *tls_error(const struct stream *stream, int error)
{
    return error == EPROTO ? tls_reason(stream->tls) : strerror(error);
}

static void tls_close(struct stream *stream)
{
    struct tls *tls = TAKE_PTR(stream->tls);

    if (!tls->has_ended || !tls->end) {
        gnutls_bye(tls->session, GNUTLS_SHUT_WR); // on an error the connection ends anyway
    }
    tls_free(tls);
    stream_close_socket(stream);
}

static const struct stream_ops tls_ops = {tls_recv, tls_send, tls_pending, tls_error, tls_close};

void stream_init_tls(struct stream *stream, int fd, struct tls *tls)
{
    assert(fd >= 0 && tls && tls->fd == fd);
    *stream = (struct stream){.ops = &tls_ops, .fd = fd, .tls = tls};
}

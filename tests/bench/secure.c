// SPDX-License-Identifier: Apache-2.0
/* The server is not verified: that is not what is measured. */
#include "secure.h"

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static gnutls_certificate_credentials_t load_credentials(const char *prefix)
{
    static gnutls_certificate_credentials_t credentials;
    char key[512], certificate[512];
    int r;

    if (credentials) {
        return credentials;
    }
    snprintf(key, sizeof key, "%s-key.pem", prefix);
    snprintf(certificate, sizeof certificate, "%s-cert.pem", prefix);
    gnutls_certificate_allocate_credentials(&credentials);
    r = gnutls_certificate_set_x509_key_file(credentials, certificate, key, GNUTLS_X509_FMT_PEM);
    if (r < 0) {
        die("%s: %s", key, gnutls_strerror(r));
    }
    return credentials;
}

static int dial(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        die("port %u: cannot connect: %s", port, strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

gnutls_session_t secure_connect(const char *target, int *ret_fd)
{
    char *prefix;
    unsigned port = (unsigned)strtoul(target + strlen("ssl:"), &prefix, 10);
    gnutls_session_t session;
    int fd = dial(port);
    int r;

    gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, load_credentials(prefix + 1));
    gnutls_transport_set_int(session, fd);
    do {
        r = gnutls_handshake(session);
    } while (r < 0 && !gnutls_error_is_fatal(r));
    if (r < 0) {
        die("%s: %s", target, gnutls_strerror(r));
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    *ret_fd = fd;
    return session;
}

void secure_free(gnutls_session_t session)
{
    gnutls_deinit(session);
}

static ssize_t result(ssize_t n)
{
    if (n < 0) {
        errno = gnutls_error_is_fatal((int)n) ? EPROTO : EAGAIN;
        return -1;
    }
    return n;
}

ssize_t secure_recv(gnutls_session_t session, void *data, size_t size)
{
    return result(gnutls_record_recv(session, data, size));
}

ssize_t secure_send(gnutls_session_t session, const void *data, size_t size)
{
    return result(gnutls_record_send(session, data, size));
}

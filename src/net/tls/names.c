// SPDX-License-Identifier: Apache-2.0
#include "net/tls/names.h"

#include "basic/alloc.h"
#include "basic/buf.h"
#include "basic/utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define MAX_SANS  64  // names used of one certificate
#define MAX_SHOWN 256 // bytes shown of a distinguished name

// Returns the size in bytes of the character at the beginning of `s`. 0: it is a control character,
// or not UTF-8 (RFC 3629 4).
static size_t character_size(const char *s, size_t size)
{
    const unsigned char *c = (const unsigned char *)s;
    size_t n = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    unsigned min = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
    unsigned max = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;

    if (n == 1) {
        return c[0] >= ' ' && c[0] != 0x7f;
    }
    if (n > size || c[0] < 0xc2 || c[0] > 0xf4 || c[1] < min || c[1] > max) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if (!utf8_is_continuation(s[i])) {
            return 0;
        }
    }
    return n;
}

static bool is_text(const char *name, size_t size)
{
    while (size) {
        size_t n = character_size(name, size);

        if (!n) {
            return false;
        }
        name += n;
        size -= n;
    }
    return true;
}

// Makes printable text of a name, and frees the name.
static char *printable_name(gnutls_datum_t *name)
{
    _cleanup_buf_ struct buf text = {0};
    const char *s = (const char *)name->data;
    const char *end = s + name->size;

    while (s < end && text.size < MAX_SHOWN) {
        size_t n = character_size(s, (size_t)(end - s));

        buf_put(&text, n ? s : "?", MAX(n, (size_t)1));
        s += MAX(n, (size_t)1);
    }
    gnutls_free(name->data);
    return xstrdup(buf_cstr(&text));
}

char *tls_subject(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t name = {0};

    return gnutls_x509_crt_get_dn3(certificate, &name, 0) < 0 ? xstrdup("?")
                                                              : printable_name(&name);
}

char *tls_issuer(gnutls_x509_crt_t certificate)
{
    gnutls_datum_t name = {0};

    return gnutls_x509_crt_get_issuer_dn3(certificate, &name, 0) < 0 ? xstrdup("?")
                                                                     : printable_name(&name);
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

// Undoes, in place, the escaping of special characters in a distinguished name (RFC 4514 2.4).
// Returns the new size.
static size_t unescape(char *name)
{
    char *to = name;

    for (const char *from = name; *from; from++) {
        if (from[0] == '\\' && isxdigit((unsigned char)from[1]) &&
            isxdigit((unsigned char)from[2])) {
            *to++ = (char)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
            from += 2;
        } else {
            from += from[0] == '\\' && from[1];
            *to++ = *from;
        }
    }
    *to = 0;
    return (size_t)(to - name);
}

static char *common_name(gnutls_x509_crt_t certificate)
{
    char name[1024];
    size_t size = sizeof(name);

    if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) <
            0 ||
        name[0] == '#' || // gnutls returns "#" and hexadecimal digits for a value that is not text
        !is_text(name, unescape(name))) {
        return NULL;
    }
    return xstrdup(name);
}

static char *ip_text(const char *bytes, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    int family = size == 4 ? AF_INET : AF_INET6;

    if ((size != 4 && size != 16) || !inet_ntop(family, bytes, text, sizeof(text))) {
        return NULL;
    }
    return xasprintf("IP:%s", text);
}

// Returns the text of a subject alternative name. NULL: it is of another kind, or not text.
static char *san_text(int type, const char *name, size_t size)
{
    const char *kind = type == GNUTLS_SAN_DNSNAME      ? "DNS"
                       : type == GNUTLS_SAN_RFC822NAME ? "email"
                       : type == GNUTLS_SAN_URI        ? "URI"
                                                       : NULL;

    if (type == GNUTLS_SAN_IPADDRESS) {
        return ip_text(name, size);
    }
    return kind && is_text(name, size) ? xasprintf("%s:%.*s", kind, (int)size, name) : NULL;
}

static char **alternative_names(gnutls_x509_crt_t certificate)
{
    char **names = NULL;
    size_t n = 0, capacity = 0;
    char name[1024];

    for (unsigned i = 0; i < MAX_SANS; i++) {
        size_t size = sizeof(name);
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
        char *text = type < 0 ? NULL : san_text(type, name, size);

        if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER) {
            break; // there are no more
        }
        if (text) {
            GROW(names, n + 1, capacity);
            names[n++] = text;
            names[n] = NULL;
        }
    }
    return names;
}

struct tls_peer tls_peer_new(gnutls_x509_crt_t certificate)
{
    return (struct tls_peer){common_name(certificate), alternative_names(certificate)};
}

void tls_peer_done(struct tls_peer *peer)
{
    for (char **name = peer->sans; name && *name; name++) {
        free(*name);
    }
    free(peer->sans);
    free(peer->cn);
    *peer = (struct tls_peer){0};
}

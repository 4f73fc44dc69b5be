// SPDX-License-Identifier: Apache-2.0
#include "net/tls/options.h"

#include "basic/alloc.h"
#include "basic/dirs.h"
#include "basic/str.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXTS(options)                                                                             \
    {                                                                                              \
        &(options)->private_key, &(options)->certificate, &(options)->ca_cert,                     \
            &(options)->peer_ca_cert, &(options)->crl, &(options)->protocols, &(options)->ciphers, \
            &(options)->ciphersuites, &(options)->server_name                                      \
    }

void tls_options_texts(struct tls_options *options, char **ret[TLS_N_TEXTS])
{
    char **texts[] = TEXTS(options);

    static_assert(ARRAY_SIZE(texts) == TLS_N_TEXTS, "every text is listed");
    memcpy(ret, texts, sizeof(texts));
}

void tls_options_done(struct tls_options *options)
{
    char **texts[] = TEXTS(options);

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        free(*texts[i]);
    }
    *options = (struct tls_options){0};
}

bool tls_options_are_set(const struct tls_options *options)
{
    char *const *texts[] = TEXTS(options);
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        any |= *texts[i] != NULL;
    }
    return any;
}

bool tls_options_are_equal(const struct tls_options *a, const struct tls_options *b)
{
    char *const *of_a[] = TEXTS(a);
    char *const *of_b[] = TEXTS(b);

    for (size_t i = 0; i < ARRAY_SIZE(of_a); i++) {
        if (!str_equals(*of_a[i], *of_b[i])) {
            return false;
        }
    }
    return a->bootstrap_ca_cert == b->bootstrap_ca_cert;
}

struct tls_options tls_options_copy(const struct tls_options *options)
{
    struct tls_options copy = *options;
    char **texts[] = TEXTS(&copy);

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        *texts[i] = *texts[i] ? xstrdup(*texts[i]) : NULL;
    }
    return copy;
}

bool tls_options_verify(const struct tls_options *options)
{
    return options->ca_cert && strcmp(options->ca_cert, "none");
}

bool tls_options_is_token(const char *name)
{
    return !strncmp(name, "pkcs11:", 7);
}

void tls_options_files(const struct tls_options *options, const char *files[TLS_MAX_FILES])
{
    const char *key = options->private_key;

    files[0] = key && !tls_options_is_token(key) ? key : NULL;
    files[1] = options->certificate;
    files[2] = tls_options_verify(options) ? options->ca_cert : NULL;
    files[3] = options->peer_ca_cert;
    files[4] = options->crl;
}

static int set_text(char **where, char *value)
{
    free(*where);
    *where = value;
    return 1;
}

// Returns the folder that a file name is relative to (caller frees), and removes the prefix
// "credential:" from *name. NULL: an error, with the reason in *ret_error.
static char *folder_of(const char **name, char **ret_error)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char *folder;

    if (!strncmp(*name, "credential:", 11)) {
        if (!credentials) {
            *ret_error = xasprintf("%s: the service manager has passed no credentials", *name);
            return NULL;
        }
        *name += 11;
        return xstrdup(credentials);
    }
    folder = getcwd(NULL, 0);
    if (!folder && **name == '/') {
        return xstrdup("/");
    }
    if (!folder) {
        *ret_error = xasprintf("%s: cannot tell the current folder: %s", *name, strerror(errno));
    }
    return folder;
}

static int set_file(char **where, const char *name, char **ret_error)
{
    _cleanup_free_ char *folder = NULL;

    if (!strncmp(name, "db:", 3)) {
        return set_text(where, xstrdup(name));
    }
    folder = folder_of(&name, ret_error);
    return folder ? set_text(where, dirs_path(folder, name)) : -ENOENT;
}

static int set_key(char **where, const char *name, char **ret_error)
{
    return tls_options_is_token(name) ? set_text(where, xstrdup(name))
                                      : set_file(where, name, ret_error);
}

static int set_ca_cert(struct tls_options *options, const char *argument, bool bootstrap,
                       char **ret_error)
{
    if (options->ca_cert && options->bootstrap_ca_cert != bootstrap) {
        *ret_error = xstrdup("--ca-cert and --bootstrap-ca-cert exclude each other");
        return -EINVAL;
    }
    options->bootstrap_ca_cert = bootstrap;
    if (!strcmp(argument, "none")) {
        return set_text(&options->ca_cert, xstrdup(argument));
    }
    return set_file(&options->ca_cert, argument, ret_error);
}

int tls_options_handle(struct tls_options *options, int c, const char *argument, char **ret_error)
{
    switch (c) {
    case 'p':
        return set_key(&options->private_key, argument, ret_error);
    case 'c':
        return set_file(&options->certificate, argument, ret_error);
    case 'C':
        return set_ca_cert(options, argument, false, ret_error);
    case TLS_OPTION_BOOTSTRAP_CA_CERT:
        return set_ca_cert(options, argument, true, ret_error);
    case TLS_OPTION_PEER_CA_CERT:
        return set_file(&options->peer_ca_cert, argument, ret_error);
    case TLS_OPTION_CRL:
        return set_file(&options->crl, argument, ret_error);
    case TLS_OPTION_PROTOCOLS:
        return set_text(&options->protocols, xstrdup(argument));
    case TLS_OPTION_CIPHERS:
        return set_text(&options->ciphers, xstrdup(argument));
    case TLS_OPTION_CIPHERSUITES:
        return set_text(&options->ciphersuites, xstrdup(argument));
    case TLS_OPTION_SERVER_NAME:
        return set_text(&options->server_name, xstrdup(argument));
    default:
        return 0;
    }
}

void tls_options_help(const char *program)
{
    printf(
        "\nTLS options (PEM files; ssl: and pssl: need the first three):\n"
        "  -p, --private-key=FILE  the private key of %s, or the pkcs11: URL of one\n"
        "  -c, --certificate=FILE  its certificate, or chain of them\n"
        "  -C, --ca-cert=FILE      the CA certificates that peers are verified with,\n"
        "                          or \"none\" to accept any peer\n"
        "  --bootstrap-ca-cert=FILE\n"
        "                          the same; if FILE is not there, it is fetched from the\n"
        "                          first peer\n"
        "  --peer-ca-cert=FILE     certificates to send to peers besides our own\n"
        "  --ssl-crl=FILE          certificates that are revoked\n"
        "  --ssl-protocols=LIST    of TLSv1.2, TLSv1.3, TLSv1.2-TLSv1.3, TLSv1.2+\n"
        "  --ssl-ciphers=LIST      of TLS 1.2: an OpenSSL cipher list, or a gnutls priority\n"
        "                          string, which is for both\n"
        "  --ssl-ciphersuites=LIST of TLS 1.3: names as TLS_AES_256_GCM_SHA384, with colons\n"
        "  --ssl-server-name=NAME  the name that the certificate of a server must have that is\n"
        "                          connected to\n",
        program);
}

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

static struct failure *set_text(char **where, char *value)
{
    free(*where);
    *where = value;
    return NULL;
}

// Stores the folder that a file name is relative to (caller frees), and removes the prefix
// "credential:" from *name.
static struct failure *folder_of(const char **name, char **ret)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char *folder;

    if (!strncmp(*name, "credential:", 11)) {
        if (!credentials) {
            return failure_new(FAILURE_INVALID, "%s: the service manager has passed no credentials",
                               *name);
        }
        *name += 11;
        *ret = xstrdup(credentials);
        return NULL;
    }
    folder = getcwd(NULL, 0);
    if (!folder && **name != '/') {
        return failure_from_errno(errno, "%s: cannot tell the current folder", *name);
    }
    *ret = folder ? folder : xstrdup("/");
    return NULL;
}

static struct failure *set_file(char **where, const char *name)
{
    _cleanup_free_ char *folder = NULL;
    struct failure *failure;

    if (!strncmp(name, "db:", 3)) {
        return set_text(where, xstrdup(name));
    }
    failure = folder_of(&name, &folder);
    return failure ? failure : set_text(where, dirs_path(folder, name));
}

static struct failure *set_key(char **where, const char *name)
{
    return tls_options_is_token(name) ? set_text(where, xstrdup(name)) : set_file(where, name);
}

static struct failure *set_ca_cert(struct tls_options *options, const char *argument,
                                   bool bootstrap)
{
    if (options->ca_cert && options->bootstrap_ca_cert != bootstrap) {
        return failure_new(FAILURE_INVALID, "--ca-cert and --bootstrap-ca-cert exclude each other");
    }
    options->bootstrap_ca_cert = bootstrap;
    if (!strcmp(argument, "none")) {
        return set_text(&options->ca_cert, xstrdup(argument));
    }
    return set_file(&options->ca_cert, argument);
}

// Returns where the value of an option is stored that is neither a file nor the CA certificate.
// NULL: `c` is another option.
static char **text_of(struct tls_options *options, int c)
{
    switch (c) {
    case TLS_OPTION_PROTOCOLS:
        return &options->protocols;
    case TLS_OPTION_CIPHERS:
        return &options->ciphers;
    case TLS_OPTION_CIPHERSUITES:
        return &options->ciphersuites;
    case TLS_OPTION_SERVER_NAME:
        return &options->server_name;
    default:
        return NULL;
    }
}

bool tls_options_handle(struct tls_options *options, int c, const char *argument,
                        struct failure **ret_failure)
{
    char **text = text_of(options, c);

    switch (c) {
    case 'p':
        *ret_failure = set_key(&options->private_key, argument);
        return true;
    case 'c':
        *ret_failure = set_file(&options->certificate, argument);
        return true;
    case 'C':
        *ret_failure = set_ca_cert(options, argument, false);
        return true;
    case TLS_OPTION_BOOTSTRAP_CA_CERT:
        *ret_failure = set_ca_cert(options, argument, true);
        return true;
    case TLS_OPTION_PEER_CA_CERT:
        *ret_failure = set_file(&options->peer_ca_cert, argument);
        return true;
    case TLS_OPTION_CRL:
        *ret_failure = set_file(&options->crl, argument);
        return true;
    default:
        *ret_failure = text ? set_text(text, xstrdup(argument)) : NULL;
        return text;
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
        "                          the same; if FILE does not exist, it is fetched from\n"
        "                          the first peer\n"
        "  --peer-ca-cert=FILE     further certificates to send to peers\n"
        "  --ssl-crl=FILE          certificates that are revoked\n"
        "  --ssl-protocols=LIST    of TLSv1.2, TLSv1.3, TLSv1.2-TLSv1.3, TLSv1.2+\n"
        "  --ssl-ciphers=LIST      of TLS 1.2: an OpenSSL cipher list, or a gnutls priority\n"
        "                          string, which is for both\n"
        "  --ssl-ciphersuites=LIST of TLS 1.3: names as TLS_AES_256_GCM_SHA384, with colons\n"
        "  --ssl-server-name=NAME  the name that the certificate of a server must have\n",
        program);
}

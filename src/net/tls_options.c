// SPDX-License-Identifier: Apache-2.0
#include "net/tls_options.h"

#include "basic/alloc.h"
#include "basic/dirs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void replace(char **where, char *value)
{
    free(*where);
    *where = value;
}

static int set_file(char **where, const char *name, char **ret_error)
{
    _cleanup_free_ char *folder = getcwd(NULL, 0);

    if (!strncmp(name, "db:", 3)) {
        *ret_error = xasprintf("%s: names of files cannot be read from a database yet", name);
        return -EINVAL;
    }
    if (!folder && name[0] != '/') {
        *ret_error = xasprintf("%s: cannot tell the current folder: %s", name, strerror(errno));
        return -errno;
    }
    replace(where, dirs_path(folder, name));
    return 1;
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
        replace(&options->ca_cert, xstrdup(argument));
        return 1;
    }
    return set_file(&options->ca_cert, argument, ret_error);
}

int tls_options_handle(struct tls_options *options, int c, const char *argument, char **ret_error)
{
    switch (c) {
    case 'p':
        return set_file(&options->private_key, argument, ret_error);
    case 'c':
        return set_file(&options->certificate, argument, ret_error);
    case 'C':
        return set_ca_cert(options, argument, false, ret_error);
    case TLS_OPTION_BOOTSTRAP_CA_CERT:
        return set_ca_cert(options, argument, true, ret_error);
    case TLS_OPTION_PEER_CA_CERT:
        return set_file(&options->peer_ca_cert, argument, ret_error);
    case TLS_OPTION_PROTOCOLS:
        replace(&options->protocols, xstrdup(argument));
        return 1;
    case TLS_OPTION_CIPHERS:
        replace(&options->ciphers, xstrdup(argument));
        return 1;
    default:
        return 0;
    }
}

void tls_options_help(const char *program)
{
    printf(
        "\nTLS options (PEM files; ssl: and pssl: need the first three):\n"
        "  -p, --private-key=FILE  the private key of %s\n"
        "  -c, --certificate=FILE  its certificate, or chain of them\n"
        "  -C, --ca-cert=FILE      the CA certificates that peers are verified with,\n"
        "                          or \"none\" to let everybody in\n"
        "  --bootstrap-ca-cert=FILE\n"
        "                          the same; if FILE is not there, it is fetched from the\n"
        "                          first peer\n"
        "  --peer-ca-cert=FILE     certificates to send to peers besides our own\n"
        "  --ssl-protocols=LIST    of TLSv1.2, TLSv1.3\n"
        "  --ssl-ciphers=LIST      an OpenSSL cipher list or a gnutls priority string\n",
        program);
}

// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/confinement.h"

#include "basic/dirs.h"
#include "daemon/remotes/db_column.h"
#include "net/address.h"
#include "service/confine.h"

// The socket file of a target, or NULL if it has none. Caller frees.
static char *socket_of(const char *target)
{
    struct address address;
    char *path = NULL;

    if (address_parse(target, &address, NULL) < 0) {
        return NULL;
    }
    if (address.kind == ADDRESS_UNIX) {
        path = dirs_path(dirs_run(), address.path);
    }
    address_done(&address);
    return path;
}

static void allow_tls(const struct tls_options *tls)
{
    const char *files[TLS_MAX_FILES];

    tls_options_files(tls, files);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (files[i] && !db_column_is(files[i])) {
            confine_allow(CONFINE_READ, files[i]);
        }
    }
    if (tls->bootstrap_ca_cert && !db_column_is(tls->ca_cert)) {
        confine_allow(CONFINE_ALL, tls->ca_cert); // it may have to be made
    }
}

static void allow_config(const struct server_options *options)
{
    const struct configuration *config = &options->config;

    if (options->config_file) {
        confine_allow(CONFINE_READ, options->config_file); // again, by a reload
    }
    for (size_t i = 0; i < config->n_databases; i++) {
        confine_allow(CONFINE_DATABASE, config->databases[i].file);
        if (config->databases[i].schema) {
            confine_allow(CONFINE_READ, config->databases[i].schema);
        }
    }
    for (size_t i = 0; i < config->n_remotes; i++) {
        _cleanup_free_ char *path = socket_of(config->remotes[i].target);

        if (path) {
            confine_allow(CONFINE_SOCKET, path);
        }
    }
}

static bool uses_token(const struct tls_options *tls)
{
    return tls->private_key && tls_options_is_token(tls->private_key);
}

char *confinement_start(const struct server_options *options)
{
    char *error = NULL;

    if (options->service.no_self_confinement) {
        return NULL;
    }
    confine_enable();
    service_options_confine(&options->service, "ovsdb-server");
    allow_config(options);
    allow_tls(&options->tls);
    // Neither a command nor the module of a token can be told what to open.
    if (!options->run && !uses_token(&options->tls)) {
        confine_enforce(&error);
    }
    return error;
}

char *confinement_check_remote(const char *target)
{
    _cleanup_free_ char *path = socket_of(target);

    return path ? confine_check(CONFINE_SOCKET, path) : NULL;
}

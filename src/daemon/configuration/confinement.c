// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration/confinement.h"

#include "daemon/databases/databases.h"
#include "daemon/databases/db_column.h"
#include "daemon/remotes/remotes.h"
#include "service/confine.h"

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
        confine_allow(CONFINE_ALL, tls->ca_cert); // the bootstrap creates it
    }
}

static void allow_config(const struct server_options *options)
{
    const struct configuration *config = &options->config;

    if (options->config_file) {
        confine_allow(CONFINE_READ, options->config_file); // a reload reads it again
    }
    for (size_t i = 0; i < config->n_databases; i++) {
        if (!databases_is_relay(config->databases[i].file)) {
            confine_allow(CONFINE_DATABASE, config->databases[i].file);
        }
        if (config->databases[i].schema) {
            confine_allow(CONFINE_READ, config->databases[i].schema);
        }
    }
    for (size_t i = 0; i < config->n_remotes; i++) {
        _cleanup_free_ char *path = remotes_socket_file(config->remotes[i].target);

        if (path) {
            confine_allow(CONFINE_SOCKET, path);
        }
    }
}

// Whether the private key is in a token, such as a smart card.
static bool uses_token(const struct tls_options *tls)
{
    return tls->private_key && tls_options_is_token(tls->private_key);
}

struct failure *confinement_start(const struct server_options *options)
{
    if (options->service.no_self_confinement) {
        return NULL;
    }
    confine_enable();
    service_options_confine(&options->service, "ovsdb-server");
    allow_config(options);
    allow_tls(&options->tls);
    // The command of --run and the module of a token may need any file.
    return options->run || uses_token(&options->tls) ? NULL : confine_enforce();
}

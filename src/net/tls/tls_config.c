// SPDX-License-Identifier: Apache-2.0
// A change of a file is recognized by its stamp (inode, size, times). While a key and its
// certificate are being renewed in two steps, they do not match in between. They are refused then,
// and the previous ones stay in use. The second step changes a stamp again.
#include "net/tls/tls_config.h"

#include "basic/alloc.h"
#include "basic/log.h"
#include "basic/messages.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

LOG_MODULE(tls);

#define CHECK_INTERVAL USEC_PER_SEC

struct stamp {
    int error; // of stat()
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
    struct timespec ctime;
};

struct tls_config {
    unsigned n_refs;
    struct tls_options options;
    struct tls_material *material;      // NULL: there are no options
    struct stamp stamps[TLS_MAX_FILES]; // of the files, at the latest attempt to load them
    usec_t checked;                     // when the stamps were compared last; 0: never
    char *fault;                        // see tls_config_fault()
};

struct tls_config *tls_config_new(void)
{
    struct tls_config *config = NEW(struct tls_config);

    config->n_refs = 1;
    return config;
}

struct tls_config *tls_config_ref(struct tls_config *config)
{
    config->n_refs++;
    return config;
}

void tls_config_unref(struct tls_config *config)
{
    assert(config->n_refs);
    if (--config->n_refs) {
        return;
    }
    tls_options_done(&config->options);
    tls_material_unref(config->material);
    free(config->fault);
    free(config);
}

static void take_stamps(const struct tls_options *options, struct stamp stamps[TLS_MAX_FILES])
{
    const char *files[TLS_MAX_FILES];

    tls_options_files(options, files);
    memset(stamps, 0, TLS_MAX_FILES * sizeof(*stamps)); // they are compared as bytes
    for (size_t i = 0; i < TLS_MAX_FILES; i++) {
        struct stat st;

        if (!files[i]) {
            continue;
        }
        if (stat(files[i], &st) < 0) {
            stamps[i].error = errno;
            continue;
        }
        stamps[i].dev = st.st_dev;
        stamps[i].ino = st.st_ino;
        stamps[i].size = st.st_size;
        stamps[i].mtime = st.st_mtim;
        stamps[i].ctime = st.st_ctim;
    }
}

// Warns of certificates that peers will refuse, of CRLs out of date, and of peers not being
// verified.
static void warn_of_material(const struct tls_options *options, const struct tls_material *material)
{
    _cleanup_free_ char *fault = tls_material_fault(material);

    if (options->ca_cert && !material->verifies) {
        log_event(LOG_LEVEL_WARN, MSG_TLS_UNVERIFIED, NULL,
                  "--ca-cert=none: TLS peers are not verified, so that any peer is accepted");
    }
    if (fault) {
        log_event(LOG_LEVEL_WARN, MSG_TLS_EXPIRED, NULL, "%s: %s: peers will refuse it",
                  options->certificate, fault);
    }
    for (unsigned i = 0; i < material->n_crls; i++) {
        time_t next = gnutls_x509_crl_get_next_update(material->crls[i]);

        if (next != (time_t)-1 && next < time(NULL)) {
            log_event(LOG_LEVEL_WARN, MSG_TLS_EXPIRED, NULL,
                      "%s: a CRL is out of date: later revocations are not known",
                      options->crl ? options->crl : options->ca_cert);
        }
    }
}

// True if a missing CA certificate may be taken from a peer. Once one was loaded from this file, it
// may not.
static bool may_bootstrap(const struct tls_config *config, const struct tls_options *options)
{
    const struct tls_material *material = config->material;

    return !material || !material->ca_file || material->needs_bootstrap ||
           strcmp(material->ca_file, options->ca_cert);
}

// Fails if peers will refuse the certificate of new material, but accept the present one.
static struct failure *refuse_worse(const struct tls_config *config,
                                    const struct tls_material *material,
                                    const struct tls_options *options)
{
    _cleanup_free_ char *fault = tls_material_fault(material);
    _cleanup_free_ char *former = config->material ? tls_material_fault(config->material) : NULL;

    if (!fault || !config->material || former) {
        return NULL;
    }
    return failure_new(FAILURE_INVALID, "%s: %s", options->certificate, fault);
}

// Loads the files of `options`, which may be those of `config`, and uses them.
static struct failure *load_files(struct tls_config *config, const struct tls_options *options)
{
    struct stamp stamps[TLS_MAX_FILES];
    struct tls_material *material = NULL;
    struct failure *failure = NULL;

    take_stamps(options, stamps);
    if (tls_options_are_set(options)) {
        failure = tls_material_load(options, may_bootstrap(config, options), &material);
    }
    if (!failure && material) {
        failure = refuse_worse(config, material, options);
    }
    if (!failure || options == &config->options) {
        memcpy(config->stamps, stamps, sizeof(stamps)); // refused files are not loaded again
    }
    if (failure) {
        tls_material_unref(material);
        return failure;
    }
    tls_material_unref(config->material);
    config->material = material;
    if (material) {
        warn_of_material(options, material);
    }
    return NULL;
}

struct failure *tls_config_set(struct tls_config *config, const struct tls_options *options)
{
    struct failure *failure;
    struct tls_options copy;

    if (tls_options_are_equal(options, &config->options)) {
        return NULL;
    }
    free(TAKE_PTR(config->fault));
    failure = load_files(config, options);
    if (failure) {
        config->fault = config->material ? NULL : xstrdup(failure_text(failure));
        return failure;
    }
    copy = tls_options_copy(options);
    tls_options_done(&config->options);
    config->options = copy;
    return NULL;
}

const char *tls_config_lacks(const struct tls_config *config)
{
    if (!config->options.private_key) {
        return "--private-key";
    }
    if (!config->options.certificate) {
        return "--certificate";
    }
    return config->options.ca_cert ? NULL : "--ca-cert";
}

const char *tls_config_fault(const struct tls_config *config)
{
    return config->fault;
}

struct failure *tls_config_check(const struct tls_options *options)
{
    const struct tls_choice choice = {options->protocols, options->ciphers, options->ciphersuites};
    struct tls_priority priority;
    struct failure *failure = tls_priority_init(&priority, &choice);

    tls_priority_done(&priority);
    return failure;
}

void tls_config_reload(struct tls_config *config)
{
    _cleanup_failure_ struct failure *failure = NULL;

    if (!config->material) {
        return;
    }
    failure = load_files(config, &config->options);
    if (failure) {
        log_event(LOG_LEVEL_WARN, MSG_TLS_NOT_LOADED, NULL,
                  "%s; TLS keeps using the previous files", failure_text(failure));
    } else {
        log_event(LOG_LEVEL_INFO, MSG_TLS_LOADED, NULL, "TLS keys and certificates loaded");
    }
}

struct tls_material *tls_config_get(struct tls_config *config, usec_t now)
{
    struct stamp stamps[TLS_MAX_FILES];

    assert(!tls_config_lacks(config) && config->material);
    if (!config->checked || now >= config->checked + CHECK_INTERVAL) {
        config->checked = now;
        take_stamps(&config->options, stamps);
        if (memcmp(stamps, config->stamps, sizeof(stamps))) {
            tls_config_reload(config);
        }
    }
    return tls_material_ref(config->material);
}

// SPDX-License-Identifier: Apache-2.0
// Files are known by their stamps (inode, size, times). A pair of key and certificate that is being
// renewed in two steps does not match in between: it is refused, the old one stays in use, and the
// second step changes a stamp again.
#include "net/tls_config.h"

#include "basic/alloc.h"
#include "basic/buf.h"
#include "basic/file.h"
#include "basic/log.h"
#include "net/tls_priority.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>

LOG_MODULE(tls);

#define CHECK_INTERVAL USEC_PER_SEC
#define N_FILES        4

struct stamp {
    int error; // of stat()
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
    struct timespec ctime;
};

struct tls_config {
    struct tls_options options;
    char *priority;
    struct tls_material *material;
    struct stamp stamps[N_FILES]; // when they were looked at last
    usec_t checked;
};

static void cleanup_datum(gnutls_datum_t *datum)
{
    if (datum->data) {
        gnutls_memset(datum->data, 0, datum->size);
        free(datum->data);
    }
}

#define _cleanup_datum_ _cleanup_(cleanup_datum)

void tls_options_done(struct tls_options *options)
{
    free(options->private_key);
    free(options->certificate);
    free(options->ca_cert);
    free(options->peer_ca_cert);
    free(options->protocols);
    free(options->ciphers);
    *options = (struct tls_options){0};
}

bool tls_options_are_set(const struct tls_options *options)
{
    return options->private_key || options->certificate || options->ca_cert ||
           options->peer_ca_cert || options->protocols || options->ciphers;
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static bool is_verifying(const struct tls_options *options)
{
    return options->ca_cert && strcmp(options->ca_cert, "none");
}

// 0 (and zero) for what is not configured.
static void take_stamps(const struct tls_options *options, struct stamp stamps[N_FILES])
{
    const char *files[N_FILES] = {options->private_key, options->certificate,
                                  is_verifying(options) ? options->ca_cert : NULL,
                                  options->peer_ca_cert};

    memset(stamps, 0, N_FILES * sizeof(*stamps)); // they are compared as bytes
    for (size_t i = 0; i < N_FILES; i++) {
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

static int fail(char **ret_error, const char *file, const char *what, const char *why)
{
    *ret_error = xasprintf("%s: %s: %s", file, what, why);
    return -EINVAL;
}

static int read_pem(const char *file, const char *what, gnutls_datum_t *ret, char **ret_error)
{
    struct buf text = {0};
    int r = file_read(file, &text);

    if (r < 0) {
        *ret_error = xasprintf("%s: cannot read the %s: %s", file, what, strerror(-r));
        buf_done(&text);
        return r;
    }
    if (text.size > 16 * 1024 * 1024) {
        buf_done(&text);
        return fail(ret_error, file, what, "the file is too big");
    }
    ret->size = (unsigned)text.size;
    ret->data = (unsigned char *)buf_steal(&text);
    return 0;
}

static int check_key(const gnutls_datum_t *pem, const char *file, char **ret_error)
{
    gnutls_privkey_t key;
    int r;

    gnutls_privkey_init(&key);
    r = gnutls_privkey_import_x509_raw(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_privkey_deinit(key);
    if (r == GNUTLS_E_DECRYPTION_FAILED || r == GNUTLS_E_PK_INVALID_PRIVKEY) {
        return fail(ret_error, file, "private key", "it is protected by a password, or damaged");
    }
    return r < 0 ? fail(ret_error, file, "no private key in PEM form", gnutls_strerror(r)) : 0;
}

static int check_certificates(const gnutls_datum_t *pem, const char *file, const char *what,
                              char **ret_error)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned n = 0;
    int r = gnutls_x509_crt_list_import2(&list, &n, pem, GNUTLS_X509_FMT_PEM, 0);

    if (r < 0) {
        *ret_error = xasprintf("%s: no %s in PEM form: %s", file, what, gnutls_strerror(r));
        return -EINVAL;
    }
    for (unsigned i = 0; i < n; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    return 0;
}

// Our certificate, and those that go with it, as one text.
static int read_certificates(const struct tls_options *options, gnutls_datum_t *ret,
                             char **ret_error)
{
    _cleanup_datum_ gnutls_datum_t extra = {0};
    int r = read_pem(options->certificate, "certificate", ret, ret_error);

    if (r >= 0) {
        r = check_certificates(ret, options->certificate, "certificate", ret_error);
    }
    if (r < 0 || !options->peer_ca_cert) {
        return r;
    }
    r = read_pem(options->peer_ca_cert, "certificates for peers", &extra, ret_error);
    if (r >= 0) {
        r = check_certificates(&extra, options->peer_ca_cert, "certificate", ret_error);
    }
    if (r >= 0) {
        ret->data = xrealloc(ret->data, ret->size + extra.size + 2u);
        ret->data[ret->size] = '\n';
        memcpy(ret->data + ret->size + 1, extra.data, extra.size);
        ret->size += extra.size + 1;
    }
    return r;
}

static int load_identity(struct tls_material *material, const struct tls_options *options,
                         char **ret_error)
{
    _cleanup_datum_ gnutls_datum_t key = {0};
    _cleanup_datum_ gnutls_datum_t certificates = {0};
    int r;

    if (!options->private_key || !options->certificate) {
        return 0;
    }
    r = read_pem(options->private_key, "private key", &key, ret_error);
    if (r >= 0) {
        r = check_key(&key, options->private_key, ret_error);
    }
    if (r >= 0) {
        r = read_certificates(options, &certificates, ret_error);
    }
    if (r < 0) {
        return r;
    }
    r = gnutls_certificate_set_x509_key_mem2(material->credentials, &certificates, &key,
                                             GNUTLS_X509_FMT_PEM, NULL, 0);
    if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        *ret_error = xasprintf("the private key in %s is not that of the certificate in %s",
                               options->private_key, options->certificate);
        return -EINVAL;
    }
    return r < 0 ? fail(ret_error, options->certificate, "certificate", gnutls_strerror(r)) : 0;
}

// `may_bootstrap`: a CA certificate that was there once is not fetched from anybody again.
static int load_trust(struct tls_material *material, const struct tls_options *options,
                      bool may_bootstrap, char **ret_error)
{
    _cleanup_datum_ gnutls_datum_t pem = {0};
    int r;

    material->verifies = is_verifying(options);
    if (!material->verifies) {
        return 0;
    }
    material->ca_file = xstrdup(options->ca_cert);
    r = read_pem(options->ca_cert, "CA certificate", &pem, ret_error);
    if (r == -ENOENT && options->bootstrap_ca_cert && may_bootstrap) {
        free(TAKE_PTR(*ret_error));
        material->needs_bootstrap = true;
        return 0;
    }
    if (r < 0) {
        return r;
    }
    r = check_certificates(&pem, options->ca_cert, "CA certificate", ret_error);
    if (r < 0) {
        return r;
    }
    r = gnutls_certificate_set_x509_trust_mem(material->credentials, &pem, GNUTLS_X509_FMT_PEM);
    return r < 0 ? fail(ret_error, options->ca_cert, "CA certificate", gnutls_strerror(r)) : 0;
}

static int load(struct tls_config *config, struct tls_material **ret, char **ret_error)
{
    struct tls_material *material = NEW(struct tls_material);
    bool may_bootstrap = !config->material || config->material->needs_bootstrap;
    const char *where;
    int r;

    material->n_refs = 1;
    gnutls_certificate_allocate_credentials(&material->credentials);
    gnutls_certificate_set_known_dh_params(material->credentials, GNUTLS_SEC_PARAM_MEDIUM);
    r = gnutls_priority_init(&material->priority, config->priority, &where);
    if (r < 0) {
        *ret_error = xasprintf("ciphers: not understood from \"%s\" on", where);
        r = -EINVAL;
    }
    if (r >= 0) {
        r = load_identity(material, &config->options, ret_error);
    }
    if (r >= 0) {
        r = load_trust(material, &config->options, may_bootstrap, ret_error);
    }
    if (r < 0) {
        tls_material_unref(material);
        return r;
    }
    *ret = material;
    return 0;
}

void tls_material_unref(struct tls_material *material)
{
    if (!material || --material->n_refs) {
        return;
    }
    gnutls_certificate_free_credentials(material->credentials);
    if (material->priority) {
        gnutls_priority_deinit(material->priority);
    }
    free(material->ca_file);
    free(material);
}

int tls_config_new(const struct tls_options *options, struct tls_config **ret, char **ret_error)
{
    struct tls_config *config;
    char *priority;
    int r = tls_priority(options->protocols, options->ciphers, &priority, ret_error);

    if (r < 0) {
        return r;
    }
    config = NEW(struct tls_config);
    config->priority = priority;
    config->options = (struct tls_options){
        .private_key = copy(options->private_key),
        .certificate = copy(options->certificate),
        .ca_cert = copy(options->ca_cert),
        .bootstrap_ca_cert = options->bootstrap_ca_cert,
        .peer_ca_cert = copy(options->peer_ca_cert),
    };
    take_stamps(options, config->stamps);
    r = load(config, &config->material, ret_error);
    if (r < 0) {
        tls_config_free(config);
        return r;
    }
    if (options->ca_cert && !is_verifying(options)) {
        log_warn("--ca-cert=none: TLS peers are not verified, anybody can be one");
    }
    *ret = config;
    return 0;
}

void tls_config_free(struct tls_config *config)
{
    if (!config) {
        return;
    }
    tls_options_done(&config->options);
    tls_material_unref(config->material);
    free(config->priority);
    free(config);
}

const char *tls_config_lacks(const struct tls_config *config)
{
    const struct tls_options *options = config ? &config->options : &(struct tls_options){0};

    if (!options->private_key) {
        return "--private-key";
    }
    if (!options->certificate) {
        return "--certificate";
    }
    return options->ca_cert ? NULL : "--ca-cert";
}

void tls_config_reload(struct tls_config *config)
{
    _cleanup_free_ char *error = NULL;
    struct tls_material *material;

    take_stamps(&config->options, config->stamps);
    if (load(config, &material, &error) < 0) {
        log_warn("%s; TLS goes on with the former files", error);
        return;
    }
    tls_material_unref(config->material);
    config->material = material;
    log_info("TLS keys and certificates loaded");
}

struct tls_material *tls_config_get(struct tls_config *config, usec_t now)
{
    struct stamp stamps[N_FILES];

    if (!config->checked || now >= config->checked + CHECK_INTERVAL) {
        config->checked = now;
        take_stamps(&config->options, stamps);
        if (memcmp(stamps, config->stamps, sizeof(stamps))) {
            tls_config_reload(config);
        }
    }
    config->material->n_refs++;
    return config->material;
}

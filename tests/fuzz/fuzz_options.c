// SPDX-License-Identifier: Apache-2.0
// The small parsers for texts in command lines, commands, the configuration and rows. The first
// byte selects the parser, the rest is the text. A refused text must give a reason. A printed value
// must parse to the same value.
#include "basic/log.h"
#include "daemon/admin/client_limits.h"
#include "daemon/configuration/configuration.h"
#include "daemon/databases/db_column.h"
#include "daemon/sessions/identities.h"
#include "model/version.h"
#include "net/address.h"
#include "net/tls/options.h"
#include "net/tls/priority.h"
#include "replication/exclude.h"
#include "service/pattern.h"
#include "service/privileges.h"
#include "service/syslog_target.h"
#include "service/vlog.h"

#include <assert.h>
#include <stdio.h>
#include <syslog.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Checks that there is a reason if and only if the text was refused. Frees it.
static void check_reason(bool is_refused, char *reason)
{
    assert(is_refused ? reason && *reason : !reason);
    free(reason);
}

static void read_target(const char *text)
{
    struct address address = {0};
    struct endpoint endpoint;
    struct failure *failure = address_parse(text, &address);
    bool is_valid = !failure;

    check_reason(!is_valid, failure_take_text(failure));
    if (is_valid && address.kind != ADDRESS_UNIX && address_endpoint(&address, &endpoint)) {
        _cleanup_free_ char *target = address_target(&endpoint, address.is_passive);
        struct address again = {0};

        assert(target && !address_is_name(&address));
        assert(!address_parse(target, &again) && again.port == address.port);
        address_done(&again);
    }
    address_done(&address);
}

static void read_tls_choice(const char *text)
{
    // Protocols, ciphers and cipher suites, separated by line feeds.
    _cleanup_free_ char *copy = xstrdup(text);
    char *parts[3] = {NULL}, *rest = copy;
    struct tls_priority priority = {0};
    struct failure *failure;

    for (size_t i = 0; i < 3 && rest; i++) {
        char *part = strsep(&rest, "\n");

        parts[i] = *part ? part : NULL;
    }
    failure = tls_priority_init(&priority, &(struct tls_choice){parts[0], parts[1], parts[2]});
    check_reason(failure != NULL, failure_take_text(failure));
    tls_priority_done(&priority);
}

static void read_exclude(const char *text)
{
    struct exclude exclude = {0}, again = {0};
    _cleanup_buf_ struct buf first = {0}, second = {0};
    char *bad = NULL;

    if (!exclude_parse(&exclude, text, &bad)) {
        assert(strstr(text, bad) && !exclude.n_names);
        free(bad);
    }
    exclude_put(&exclude, &first);
    assert(exclude_parse(&again, buf_cstr(&first), &bad));
    exclude_put(&again, &second);
    assert(slice_equals(buf_slice(&first), buf_slice(&second)));
    exclude_done(&exclude);
    exclude_done(&again);
}

static void read_version(const char *text)
{
    struct version version;
    bool holds;

    if (version_parse(text, &version)) {
        assert(version_test(&version, "==", &version, &holds) && holds);
        assert(version_test(&version, "!=", &version, &holds) && !holds);
    }
    version_test(&(struct version){{1, 2, 3}}, text, &(struct version){{1, 2, 4}}, &holds);
}

static void read_log_levels(const char *text)
{
    failure_free(vlog_set(text));
    assert(vlog_levels(log_module_get("fuzz")));
    assert(vlog_pattern(LOG_TO_FILE) && vlog_syslog_prefix());
    // Turns the log off, so that nothing is written to the console, a file or a socket.
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
}

static void expand_pattern(const char *text)
{
    const struct log_record record = {
        .module = log_module_get("fuzz"), .level = LOG_LEVEL_WARN, .message = "a\nb\x7f\xc3\xa9"};
    struct pattern_context context = {
        .record = &record, .program = "p", .facility = LOG_DAEMON, .now = 1700000000123456};
    _cleanup_buf_ struct buf line = {0};

    pattern_expand(&line, text, &context);
    assert(!memchr(buf_cstr(&line), '\0', line.size));
}

static void read_user(const char *text)
{
    struct identity identity = {0};
    struct failure *failure = identity_parse(text, &identity);

    check_reason(failure, failure_take_text(failure));
    identity_done(&identity);
}

static void read_identities(const char *text)
{
    struct identities identities = {0};
    char *error = failure_take_text(identities_add(&identities, text));

    assert(identities.n == (error ? 0u : 1u));
    free(error);
    identities_done(&identities);
}

// The first byte selects the option.
static void read_limit(const char *text)
{
    struct limits limits = LIMITS_DEFAULT;
    int option = *text ? LIMITS_OPTION + (*text & 0x7f) : 0;
    struct failure *failure;
    bool is_limit = client_limits_handle(&limits, option, text + !!*text, &failure);
    bool is_set = is_limit && !failure;

    check_reason(is_limit && !is_set, failure_take_text(failure));
    if (is_set) {
        _cleanup_buf_ struct buf table = {0};
        json_t *reply = client_limits_reply(&limits, &limits);

        client_limits_print(reply, &table);
        assert(table.size);
        json_decref(reply);
    }
}

static void read_syslog_method(const char *text)
{
    struct syslog_target *target = NULL;
    struct failure *failure = syslog_target_new(text, "fuzz", &target);

    check_reason(!target, failure_take_text(failure));
    if (target) {
        syslog_target_prefix(target);
        syslog_target_free(target);
    }
    syslog_facility_parse(text);
}

// The first byte selects the option.
static void read_tls_option(const char *text)
{
    struct tls_options options = {0};
    struct failure *failure;
    int option = *text < 8 ? TLS_OPTION_BOOTSTRAP_CA_CERT + *text : *text;
    bool is_tls = tls_options_handle(&options, option, text + !!*text, &failure);
    const char *files[TLS_MAX_FILES];

    check_reason(is_tls && failure, failure_take_text(failure));
    tls_options_files(&options, files);
    tls_options_is_token(text);
    tls_options_done(&options);
}

static struct failure *refuse_none(const struct column *column)
{
    return NULL;
}

static void ignore_change(void *userdata)
{
}

static void read_db_column(const char *text)
{
    struct group_commit *group_commit = group_commit_new(NULL, NULL);
    struct server *server = server_new(uuid_random);
    struct databases *databases = databases_new(server, group_commit);
    struct db_column *column = NULL;

    if (db_column_is(text)) {
        struct failure *failure =
            db_column_new(text, databases, refuse_none, ignore_change, NULL, &column);

        check_reason(!column, failure_take_text(failure));
    }
    db_column_free(column);
    databases_free(databases);
    server_free(server);
    group_commit_free(group_commit);
}

static void read_boolean(const char *text)
{
    bool value;

    configuration_parse_bool(text, &value);
}

static void set_up(void)
{
    static bool is_set_up;

    if (!is_set_up) {
        is_set_up = true;
        setenv("CREDENTIALS_DIRECTORY", "/run/credentials/fuzz", 1);
        vlog_init("fuzz");
        log_set_level(NULL, -1, LOG_LEVEL_OFF);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const char *text) = {
        read_target,     read_tls_choice, read_exclude,    read_version, read_log_levels,
        expand_pattern,  read_user,       read_identities, read_limit,   read_syslog_method,
        read_tls_option, read_db_column,  read_boolean,
    };
    _cleanup_free_ char *text = NULL;

    if (size) {
        set_up();
        text = xstrndup((const char *)data + 1, size - 1);
        readers[data[0] % ARRAY_SIZE(readers)](text);
    }
    return 0;
}

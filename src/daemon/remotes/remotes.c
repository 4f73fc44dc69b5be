// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes/remotes.h"

#include "basic/dirs.h"
#include "basic/hash.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "control/reply.h"
#include "daemon/remotes/entries.h"
#include "daemon/remotes/named.h"
#include "net/address.h"
#include "service/confine.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(ovsdb_server);

struct remotes *remotes_new(struct net *net, struct server *server, struct databases *databases)
{
    struct remotes *remotes = NEW(struct remotes);

    remotes->net = net;
    remotes->server = server;
    remotes->databases = databases;
    remotes->report_at = remotes->retry_at = USEC_INFINITY;
    return remotes;
}

// Parses a target whose faults are reported elsewhere. False: it is invalid.
static bool parse_quietly(const char *target, struct address *ret)
{
    _cleanup_failure_ struct failure *failure = address_parse(target, ret);

    return !failure;
}

// A text that is equal for all targets that mean the same remote. Caller frees.
static char *key_of(const char *target)
{
    struct address address;
    char *key;

    if (!parse_quietly(target, &address)) {
        return xstrdup(target);
    }
    if (address.kind == ADDRESS_UNIX) {
        _cleanup_free_ char *path = dirs_path(dirs_run(), address.path);

        key = xasprintf("%sunix:%s", address.is_passive ? "p" : "", path);
    } else {
        _cleanup_free_ char *host = address_host(&address);

        key = xasprintf("%s%s:%u:%s", address.is_passive ? "p" : "",
                        address.kind == ADDRESS_TLS ? "ssl" : "tcp", address.port, host);
    }
    address_done(&address);
    return key;
}

char *remotes_socket_file(const char *target)
{
    struct address address;
    char *path = NULL;

    if (!parse_quietly(target, &address)) {
        return NULL;
    }
    if (address.kind == ADDRESS_UNIX) {
        path = dirs_path(dirs_run(), address.path);
    }
    address_done(&address);
    return path;
}

bool remotes_are_same(const char *a, const char *b)
{
    _cleanup_free_ char *key_of_a = key_of(a);
    _cleanup_free_ char *key_of_b = key_of(b);

    return !strcmp(key_of_a, key_of_b);
}

static uint64_t key_hash(const char *key)
{
    return hash_bytes(key, strlen(key), 0);
}

static struct remote_entry *find_key(const struct remotes *remotes, const char *key)
{
    struct remote_entry *entry;

    HTABLE_FOREACH_WITH_HASH(entry, &remotes->entries, key_hash(key))
    {
        if (!strcmp(entry->key, key)) {
            break;
        }
    }
    return entry;
}

// Finds a passed socket of systemd's "ListenStream=PORT" for the key of "ptcp:PORT": it listens on
// "[::]", for IPv4 too. NULL if there is none.
static struct remote_entry *find_dual(const struct remotes *remotes, const char *key)
{
    static const char any[] = ":0.0.0.0";
    size_t size = strlen(key);
    struct remote_entry *entry = NULL;

    if (key[0] == 'p' && size > strlen(any) && !strcmp(key + size - strlen(any), any)) {
        _cleanup_free_ char *other = xasprintf("%.*s:[::]", (int)(size - strlen(any)), key);

        entry = find_key(remotes, other);
    }
    return entry && entry->origins & BY_SERVICE_MANAGER && entry->remote &&
                   remote_is_dual(entry->remote)
               ? entry
               : NULL;
}

struct remote_entry *remotes_find_entry(const struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *key = key_of(target);
    struct remote_entry *entry = find_key(remotes, key);

    return entry ? entry : find_dual(remotes, key);
}

static void copy_settings(struct remote_entry *entry, const struct remote_settings *settings)
{
    free((char *)entry->settings.role);
    entry->settings = *settings;
    entry->settings.role = xstrdup(str_or_empty(settings->role));
}

static void set_target(struct remote_entry *entry, const char *target)
{
    free(entry->target);
    free(entry->key);
    entry->target = xstrdup(target);
    entry->key = key_of(target);
}

static void entry_free(struct remote_entry *entry)
{
    remote_free(entry->remote);
    db_column_free(entry->column);
    free((char *)entry->settings.role);
    free(entry->target);
    free(entry->key);
    failure_free(entry->failure);
    free(entry);
}

DEFINE_CLEANUP(struct remote_entry *, entry_freep, entry_free)
#define _cleanup_entry_ _cleanup_(entry_freep)

static struct remote_entry *entry_new(const char *target, const struct remote_settings *settings)
{
    struct remote_entry *entry = NEW(struct remote_entry);

    set_target(entry, target);
    copy_settings(entry, settings);
    return entry;
}

static struct remote_entry *insert_entry(struct remotes *remotes, struct remote_entry *entry)
{
    assert(entry->remote || entry->column || entry->failure || !entry->origins);
    htable_insert(&remotes->entries, key_hash(entry->key), entry);
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_ADDED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: remote added", entry->target);
    return entry;
}

struct remote_entry *remotes_insert(struct remotes *remotes, const char *target,
                                    const struct remote_settings *settings)
{
    return insert_entry(remotes, entry_new(target, settings));
}

// Fails if self-confinement forbids the socket file of the target.
static struct failure *check_confinement(const char *target)
{
    _cleanup_free_ char *path = remotes_socket_file(target);

    return path ? confine_check(CONFINE_SOCKET, path) : NULL;
}

bool remotes_open(struct remotes *remotes, struct remote_entry *entry)
{
    assert(!entry->remote && !entry->column && !entry->failure);
    remotes->has_failures_changed = true;
    entry->failure = check_confinement(entry->target);
    if (!entry->failure) {
        entry->failure = remote_new(remotes->net, entry->target, &entry->settings.options,
                                    &entry->settings, &entry->remote);
    }
    return !entry->failure;
}

static void on_named_anew(void *userdata)
{
    struct remotes *remotes = userdata;

    if (!remotes->is_reporting) {
        remotes->is_named_anew = true;
    }
}

// Whether any setting differs from its default.
static bool has_settings(const struct remote_settings *settings)
{
    const struct remote_options none = REMOTE_OPTIONS_DEFAULT;

    return settings->read_only || *str_or_empty(settings->role) ||
           !remote_options_equal(&settings->options, &none);
}

// Opens the column of a "db:..." entry.
static struct failure *follow_column(struct remotes *remotes, struct remote_entry *entry)
{
    remotes->is_named_anew = true;
    return db_column_new(entry->target, remotes->databases, named_remotes_refusal, on_named_anew,
                         remotes, &entry->column);
}

// Whether a remote that could not be opened is kept and tried again. A remote of a command is not,
// because its caller sees the error, unless it waits for TLS options.
static bool may_retry(const struct remotes *remotes, const struct failure *failure,
                      enum remote_origin origin)
{
    if (failure_errno(failure) == ENOPROTOOPT) {
        return remotes->expects_tls;
    }
    return failure_errno(failure) != EINVAL && origin == BY_CONFIGURATION;
}

// Opens a remote that has no entry, and adds an entry. A failure is returned only if opening the
// remote is not tried again; otherwise it is logged and kept in the entry.
static struct failure *open_entry(struct remotes *remotes, const struct remote_config *config,
                                  enum remote_origin origin, struct remote_entry **ret)
{
    _cleanup_entry_ struct remote_entry *entry = entry_new(config->target, &config->settings);

    assert(!remotes_find_entry(remotes, config->target));
    if (db_column_is(entry->target)) {
        struct failure *failure = follow_column(remotes, entry);

        if (failure) {
            return failure;
        }
    } else if (!remotes_open(remotes, entry)) {
        if (!may_retry(remotes, entry->failure, origin)) {
            return TAKE_PTR(entry->failure);
        }
        log_event(LOG_LEVEL_WARN, MSG_REMOTE_FAILED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
                  "%s; trying again", failure_text(entry->failure));
        remotes_plan_retry(remotes, clock_monotonic());
    }
    *ret = insert_entry(remotes, TAKE_PTR(entry));
    return NULL;
}

void remotes_change(struct remote_entry *entry, const struct remote_settings *settings)
{
    bool changes_rights = entry->settings.read_only != settings->read_only ||
                          strcmp(str_or_empty(entry->settings.role), str_or_empty(settings->role));
    bool changes_options = !remote_options_equal(&entry->settings.options, &settings->options);

    if (!changes_rights && !changes_options) {
        return;
    }
    copy_settings(entry, settings);
    if (!entry->remote) {
        return;
    }
    remote_set_options(entry->remote, &entry->settings.options);
    if (changes_rights) {
        log_info("%s: closing connections: access rights changed", entry->target);
        remote_reconnect(entry->remote, "access rights of the remote changed");
    }
}

static int compare_targets(const void *a, const void *b)
{
    return strcmp((*(struct remote_entry *const *)a)->target,
                  (*(struct remote_entry *const *)b)->target);
}

static void remove_entry(struct remotes *remotes, struct remote_entry *entry)
{
    remotes->has_failures_changed |= entry->failure != NULL;
    htable_remove(&remotes->entries, key_hash(entry->key), entry);
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_REMOVED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: remote removed", entry->target);
    remotes->is_named_anew |= entry->column != NULL;
    entry_free(entry);
}

static bool is_listed(const struct remote_entry *entry)
{
    return entry->origins & ~(unsigned)BY_DATABASE;
}

struct remote_entry **remotes_collect(const struct remotes *remotes,
                                      bool (*belongs)(const struct remote_entry *entry),
                                      size_t *ret_n)
{
    struct remote_entry **entries = NEW_ARRAY(struct remote_entry *, remotes->entries.n + 1);
    struct remote_entry *entry;
    size_t n = 0;

    HTABLE_FOREACH(entry, &remotes->entries)
    {
        if (belongs(entry)) {
            entries[n++] = entry;
        }
    }
    qsort(entries, n, sizeof(*entries), compare_targets);
    *ret_n = n;
    return entries;
}

void remotes_remove_unwanted(struct remotes *remotes)
{
    size_t n;
    _cleanup_free_ struct remote_entry **entries =
        remotes_collect(remotes, remote_entry_has_no_origin, &n);

    for (size_t i = 0; i < n; i++) {
        remove_entry(remotes, entries[i]);
    }
}

void remotes_withdraw(struct remotes *remotes, unsigned origins)
{
    struct remote_entry *entry;

    HTABLE_FOREACH(entry, &remotes->entries)
    {
        entry->origins &= ~origins;
    }
}

void remotes_free(struct remotes *remotes)
{
    if (remotes) {
        remotes_withdraw(remotes, ~0u);
        remotes_remove_unwanted(remotes);
        assert(!remotes->entries.n);
        htable_done(&remotes->entries);
        remotes_forget_withheld(remotes);
        free(remotes);
    }
}

// Finds a passed socket without TLS that has the address of a "pssl:" target. NULL: there is none.
static struct remote_entry *find_passed(const struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *plain = NULL;
    struct remote_entry *entry;

    if (strncmp(target, "pssl:", 5)) {
        return NULL;
    }
    plain = xasprintf("ptcp:%s", target + 5);
    entry = remotes_find_entry(remotes, plain);
    return entry && entry->origins & BY_SERVICE_MANAGER ? entry : NULL;
}

// Changes a passed socket to TLS.
static struct failure *use_tls(struct remotes *remotes, struct remote_entry *entry)
{
    struct failure *failure = remote_use_tls(entry->remote, remotes->expects_tls);

    if (failure) {
        return failure;
    }
    htable_remove(&remotes->entries, key_hash(entry->key), entry);
    set_target(entry, remote_target(entry->remote));
    insert_entry(remotes, entry);
    return NULL;
}

// Opens a remote if it is not open, and adds `origin` to its entry. `changes`: apply the settings
// even if the remote has another origin.
static struct failure *add_origin(struct remotes *remotes, const struct remote_config *config,
                                  bool changes, enum remote_origin origin)
{
    struct remote_entry *entry = remotes_find_entry(remotes, config->target);
    struct failure *failure = NULL;

    if (db_column_is(config->target) && has_settings(&config->settings)) {
        return failure_new(FAILURE_INVALID,
                           "%s: remotes that a database names have their settings there",
                           config->target);
    }
    if (entry && entry->failure && !is_listed(entry)) {
        remove_entry(remotes, entry); // opening it again below tells whether it still fails
        remotes->is_named_anew = true;
        entry = NULL;
    }
    if (!entry && (entry = find_passed(remotes, config->target))) {
        failure = use_tls(remotes, entry);
        if (failure) {
            return failure;
        }
    }
    if (!entry) {
        failure = open_entry(remotes, config, origin, &entry);
    } else if (changes || !is_listed(entry)) {
        remotes_change(entry, &config->settings);
    }
    if (entry) {
        entry->origins |= origin;
    }
    return failure;
}

// Closes remotes that are no longer wanted before it opens new ones, which may need the same port.
struct failure *remotes_configure(struct remotes *remotes, const struct remote_config *configs,
                                  size_t n)
{
    struct failure *first = NULL;

    remotes_withdraw(remotes, BY_CONFIGURATION);
    for (size_t i = 0; i < n; i++) {
        struct remote_entry *entry = remotes_find_entry(remotes, configs[i].target);

        if (entry && !entry->failure && !remotes_is_withheld(remotes, configs[i].target)) {
            entry->origins |= BY_CONFIGURATION;
        }
    }
    remotes_remove_unwanted(remotes);
    for (size_t i = 0; i < n; i++) {
        if (!remotes_is_withheld(remotes, configs[i].target)) {
            failure_keep_first(&first, add_origin(remotes, &configs[i], true, BY_CONFIGURATION));
        }
    }
    return first;
}

struct failure *remotes_add(struct remotes *remotes, const char *target,
                            const struct remote_settings *settings)
{
    const struct remote_config config = {target, *settings};

    remotes_stop_withholding(remotes, target);
    return add_origin(remotes, &config, false, BY_COMMAND);
}

struct failure *remotes_add_fd(struct remotes *remotes, int fd, bool is_tls)
{
    _cleanup_entry_ struct remote_entry *entry = entry_new("", &REMOTE_SETTINGS_DEFAULT);
    struct failure *failure = remote_new_from_fd(remotes->net, fd, &entry->settings.options,
                                                 &entry->settings, &entry->remote);

    if (failure) {
        close(fd);
        return failure;
    }
    if (is_tls && (failure = remote_use_tls(entry->remote, remotes->expects_tls))) {
        return failure;
    }
    set_target(entry, remote_target(entry->remote));
    if (remotes_is_withheld(remotes, entry->target)) {
        return NULL;
    }
    entry->origins = BY_SERVICE_MANAGER;
    insert_entry(remotes, TAKE_PTR(entry));
    return NULL;
}

bool remotes_remove(struct remotes *remotes, const char *target)
{
    struct remote_entry *entry = remotes_find_entry(remotes, target);

    if (!entry || !is_listed(entry)) {
        return false;
    }
    if (entry->origins & (BY_CONFIGURATION | BY_SERVICE_MANAGER)) {
        remotes_withhold(remotes, entry->target);
    }
    entry->origins &= BY_DATABASE;
    if (remote_entry_has_no_origin(entry)) {
        remove_entry(remotes, entry);
    } else {
        remotes->is_named_anew = true; // now the settings of the database count
    }
    return true;
}

void remotes_expect_tls(struct remotes *remotes, bool expects)
{
    remotes->expects_tls = expects;
}

struct remote *remotes_find(const struct remotes *remotes, const char *target)
{
    const struct remote_entry *entry = remotes_find_entry(remotes, target);

    return entry ? entry->remote : NULL;
}

static bool has_failed(const struct remote_entry *entry)
{
    return entry->failure;
}

size_t remotes_count_failed(const struct remotes *remotes, const struct failure **ret_failure)
{
    size_t n;
    _cleanup_free_ struct remote_entry **entries = remotes_collect(remotes, has_failed, &n);

    *ret_failure = n ? entries[0]->failure : NULL;
    return n;
}

bool remotes_take_failures_changed(struct remotes *remotes)
{
    bool has_changed = remotes->has_failures_changed;

    remotes->has_failures_changed = false;
    return has_changed;
}

size_t remotes_count(const struct remotes *remotes)
{
    return remotes->entries.n;
}

json_t *remotes_list(const struct remotes *remotes)
{
    json_t *targets = json_array();
    size_t n;
    _cleanup_free_ struct remote_entry **entries = remotes_collect(remotes, is_listed, &n);

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(targets, reply_text(entries[i]->target));
    }
    return targets;
}

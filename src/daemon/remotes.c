// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes.h"

#include "basic/dirs.h"
#include "basic/hash.h"
#include "basic/htable.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "daemon/confinement.h"
#include "net/address.h"

LOG_MODULE(ovsdb_server);

// Who wants a remote.
enum origin {
    BY_CONFIGURATION = 1 << 0,
    BY_COMMAND = 1 << 1,
    BY_SERVICE_MANAGER = 1 << 2,
};

struct entry {
    char *target; // as given
    char *key;    // the same for every way to write it
    unsigned origins;
    struct remote_settings settings; // the userdata of `remote`
    struct remote *remote;
};

struct remotes {
    struct net *net;
    struct htable entries; // by key
};

struct remotes *remotes_new(struct net *net)
{
    struct remotes *remotes = NEW(struct remotes);

    remotes->net = net;
    return remotes;
}

static bool is_any_host(const char *host)
{
    return !host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static char *key_of(const char *target)
{
    struct address address;
    char *key;

    if (address_parse(target, &address, NULL) < 0) {
        return xstrdup(target);
    }
    if (address.kind == ADDRESS_UNIX) {
        _cleanup_free_ char *path = dirs_path(dirs_run(), address.path);

        key = xasprintf("%sunix:%s", address.is_passive ? "p" : "", path);
    } else {
        key = xasprintf("%s%s:%u:%s", address.is_passive ? "p" : "",
                        address.kind == ADDRESS_TLS ? "ssl" : "tcp", address.port,
                        address.is_passive && is_any_host(address.host) ? "" : address.host);
    }
    address_done(&address);
    return key;
}

static uint64_t key_hash(const char *key)
{
    return hash_bytes(key, strlen(key), 0);
}

static struct entry *find(const struct remotes *remotes, const char *target)
{
    _cleanup_free_ char *key = key_of(target);
    struct entry *entry;

    HTABLE_FOREACH_WITH_HASH(entry, &remotes->entries, key_hash(key))
    {
        if (!strcmp(entry->key, key)) {
            break;
        }
    }
    return entry;
}

static const char *role_of(const struct remote_settings *settings)
{
    return settings->role ? settings->role : "";
}

static void copy_settings(struct entry *entry, const struct remote_settings *settings)
{
    free((char *)entry->settings.role);
    entry->settings = *settings;
    entry->settings.role = xstrdup(role_of(settings));
}

static void entry_free(struct entry *entry)
{
    free((char *)entry->settings.role);
    free(entry->target);
    free(entry->key);
    free(entry);
}

DEFINE_CLEANUP(struct entry *, entry_freep, entry_free)
#define _cleanup_entry_ _cleanup_(entry_freep)

static void insert(struct remotes *remotes, struct entry *entry, const char *target)
{
    entry->target = xstrdup(target);
    entry->key = key_of(target);
    htable_insert(&remotes->entries, key_hash(entry->key), entry);
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_ADDED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: remote added", entry->target);
}

// An entry for a target that has none. NULL with the reason if it cannot be had.
static struct entry *open_entry(struct remotes *remotes, const char *target,
                                const struct remote_settings *settings, char **ret_error)
{
    _cleanup_entry_ struct entry *entry = NULL;

    if (!strncmp(target, "db:", 3)) {
        *ret_error =
            xasprintf("%s: remotes that are read from a database are not supported yet", target);
        return NULL;
    }
    *ret_error = confinement_check_remote(target);
    if (*ret_error) {
        return NULL;
    }
    entry = NEW(struct entry);
    copy_settings(entry, settings);
    if (remote_new(remotes->net, target, &settings->options, &entry->settings, &entry->remote,
                   ret_error) < 0) {
        return NULL;
    }
    insert(remotes, entry, target);
    return TAKE_PTR(entry);
}

// Makes an entry follow changed settings.
static void change_entry(struct entry *entry, const struct remote_settings *settings)
{
    bool changes_rights = entry->settings.read_only != settings->read_only ||
                          strcmp(role_of(&entry->settings), role_of(settings));

    copy_settings(entry, settings);
    remote_set_options(entry->remote, &entry->settings.options);
    if (changes_rights) {
        log_info("%s: its connections end, as its clients have other rights from now on",
                 entry->target);
        remote_reconnect(entry->remote, "its remote has other rights now");
    }
}

static int compare_targets(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->target, (*(struct entry *const *)b)->target);
}

static void remove_entry(struct remotes *remotes, struct entry *entry)
{
    htable_remove(&remotes->entries, key_hash(entry->key), entry);
    log_event(LOG_LEVEL_INFO, MSG_REMOTE_REMOVED, LOG_FIELDS({"OVSDB_REMOTE", entry->target}),
              "%s: remote removed", entry->target);
    remote_free(entry->remote);
    entry_free(entry);
}

// All entries, or those nobody wants, in order of their targets. Caller frees the array.
static struct entry **sorted(const struct remotes *remotes, bool only_unwanted, size_t *ret_n)
{
    struct entry **entries = NEW_ARRAY(struct entry *, remotes->entries.n + 1);
    struct entry *entry;
    size_t n = 0;

    HTABLE_FOREACH(entry, &remotes->entries)
    {
        if (!only_unwanted || !entry->origins) {
            entries[n++] = entry;
        }
    }
    qsort(entries, n, sizeof(*entries), compare_targets);
    *ret_n = n;
    return entries;
}

static void remove_unwanted(struct remotes *remotes)
{
    size_t n;
    _cleanup_free_ struct entry **entries = sorted(remotes, true, &n);

    for (size_t i = 0; i < n; i++) {
        remove_entry(remotes, entries[i]);
    }
}

static void withdraw(struct remotes *remotes, unsigned origins)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &remotes->entries)
    {
        entry->origins &= ~origins;
    }
}

void remotes_free(struct remotes *remotes)
{
    if (remotes) {
        withdraw(remotes, ~0u);
        remove_unwanted(remotes);
        htable_done(&remotes->entries);
        free(remotes);
    }
}

static char *configure_one(struct remotes *remotes, const struct remote_config *config)
{
    struct entry *entry = find(remotes, config->target);
    char *error = NULL;

    if (entry) {
        change_entry(entry, &config->settings);
    } else {
        entry = open_entry(remotes, config->target, &config->settings, &error);
    }
    if (entry) {
        entry->origins |= BY_CONFIGURATION;
    }
    return error;
}

char *remotes_configure(struct remotes *remotes, const struct remote_config *configs, size_t n)
{
    char *first_error = NULL;

    withdraw(remotes, BY_CONFIGURATION);
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *error = configure_one(remotes, &configs[i]);

        if (!first_error) {
            first_error = TAKE_PTR(error);
        }
    }
    remove_unwanted(remotes);
    return first_error;
}

char *remotes_add(struct remotes *remotes, const char *target,
                  const struct remote_settings *settings)
{
    struct entry *entry = find(remotes, target);
    char *error = NULL;

    if (!entry) {
        entry = open_entry(remotes, target, settings, &error);
    }
    if (entry) {
        entry->origins |= BY_COMMAND;
    }
    return error;
}

char *remotes_add_fd(struct remotes *remotes, int fd)
{
    _cleanup_entry_ struct entry *entry = NEW(struct entry);
    char *error = NULL;

    copy_settings(entry, &REMOTE_SETTINGS_DEFAULT);
    if (remote_new_from_fd(remotes->net, fd, &entry->settings.options, &entry->settings,
                           &entry->remote, &error) < 0) {
        return error;
    }
    entry->origins = BY_SERVICE_MANAGER;
    insert(remotes, entry, remote_target(entry->remote));
    TAKE_PTR(entry);
    return NULL;
}

bool remotes_remove(struct remotes *remotes, const char *target)
{
    struct entry *entry = find(remotes, target);

    if (entry) {
        remove_entry(remotes, entry);
    }
    return entry;
}

size_t remotes_count(const struct remotes *remotes)
{
    return remotes->entries.n;
}

void remotes_list(const struct remotes *remotes, struct buf *text)
{
    size_t n;
    _cleanup_free_ struct entry **entries = sorted(remotes, false, &n);

    for (size_t i = 0; i < n; i++) {
        buf_printf(text, "%s\n", entries[i]->target);
    }
}

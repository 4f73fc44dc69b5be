// SPDX-License-Identifier: Apache-2.0
#include "daemon/replication/sync.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "basic/str.h"
#include "daemon/replication/load_job.h"
#include "daemon/replication/upstream.h"
#include "json/emit.h"

#include <assert.h>
#include <string.h>

LOG_MODULE(replication);

// The settings of a database, or the common ones.
struct entry {
    struct sync *sync;
    struct list node; // sync->entries, sorted by name
    char *name;       // NULL: the common settings
    char *owner;      // the configuration file that owns the settings, or NULL
    char *source;     // or NULL
    struct remote_options options;
    bool is_backup;
    bool is_strict;
    struct replica *replica;   // only of a database that is a backup
    struct upstream *upstream; // of the replica; NULL: joining has failed
    struct failure *failure;   // why it has failed, or NULL
};

struct sync {
    struct server *server;
    struct databases *databases;
    struct upstreams *upstreams;
    struct databases_observer observer;
    struct entry common;
    struct list entries;
    struct exclude exclude;
};

static struct entry *find_entry(const struct sync *sync, const char *db)
{
    struct entry *entry;

    LIST_FOREACH (entry, &sync->entries, node) {
        if (!strcmp(entry->name, db)) {
            return entry;
        }
    }
    return NULL;
}

static struct db *entry_db(const struct entry *entry)
{
    struct store *store = databases_find(entry->sync->databases, entry->name);

    return store ? store_db(store) : NULL;
}

// Connections

static struct db *on_find_db(void *userdata)
{
    return entry_db(userdata);
}

static void on_load(void *userdata, struct loading *loading)
{
    const struct entry *entry = userdata;

    load_job_start(databases_group_commit(entry->sync->databases), loading);
}

static void on_finish_load(void *userdata, struct loading *loading)
{
    load_job_finish(loading);
}

static void make_active(struct entry *entry);

static void on_self(void *userdata)
{
    make_active(userdata);
}

static void entry_leave(struct entry *entry)
{
    if (entry->upstream) {
        upstream_leave(TAKE_PTR(entry->upstream), entry->replica);
    }
    failure_free(TAKE_PTR(entry->failure));
}

// Connects a backup to its source. The failure, if any, is kept in entry->failure, too.
static struct failure *entry_join(struct entry *entry)
{
    struct failure *failure;

    assert(entry->replica && entry->source);
    entry_leave(entry);
    failure = upstream_join(entry->sync->upstreams, entry->source, &entry->options, entry->replica,
                            &entry->upstream);
    entry->failure = failure_copy(failure);
    return failure;
}

static void entry_rejoin(struct entry *entry)
{
    _cleanup_failure_ struct failure *failure = entry->replica ? entry_join(entry) : NULL;

    if (failure) {
        log_err("cannot connect to the active server: %s", failure_text(failure));
    }
}

static void entry_drop_replica(struct entry *entry)
{
    entry_leave(entry);
    replica_free(TAKE_PTR(entry->replica));
}

static struct failure *make_backup(struct entry *entry)
{
    static const struct replica_handler handler = {
        .db = on_find_db, .load = on_load, .finish_load = on_finish_load, .is_self = on_self};
    struct failure *failure;

    if (!entry->source) {
        return failure_new(FAILURE_INVALID, "there is no active server to connect to");
    }
    if (entry->is_backup || !entry->name) {
        entry->is_backup = true;
        return NULL;
    }
    entry->replica = replica_new(&handler, entry, entry->name, &entry->sync->exclude);
    replica_set_strict(entry->replica, entry->is_strict);
    failure = entry_join(entry);
    if (failure) {
        entry_drop_replica(entry);
        return failure;
    }
    log_event(LOG_LEVEL_INFO, MSG_ROLE_BACKUP,
              LOG_FIELDS({"OVSDB_REMOTE", entry->source}, {"OVSDB_DATABASE", entry->name}),
              "database %s: backup of %s from now on", entry->name, entry->source);
    entry->is_backup = true;
    server_set_role(entry->sync->server, entry_db(entry), ROLE_BACKUP);
    return NULL;
}

// The position of the replica is lost with it: clients may write from now on.
static void make_active(struct entry *entry)
{
    if (!entry->is_backup) {
        return;
    }
    entry->is_backup = false;
    if (entry->name) {
        log_event(LOG_LEVEL_INFO, MSG_ROLE_ACTIVE,
                  LOG_FIELDS({"OVSDB_REMOTE", entry->source}, {"OVSDB_DATABASE", entry->name}),
                  "database %s: active from now on", entry->name);
        entry_drop_replica(entry);
        server_set_role(entry->sync->server, entry_db(entry), ROLE_STANDALONE);
    }
}

// The served databases

static void entry_free(struct entry *entry)
{
    entry_drop_replica(entry);
    list_remove(&entry->node);
    free(entry->name);
    free(entry->owner);
    free(entry->source);
    free(entry);
}

static struct entry *entry_new(struct sync *sync, const char *name)
{
    struct entry *entry = NEW(struct entry);
    struct entry *other;
    struct list *where = &sync->entries;

    entry->sync = sync;
    entry->name = xstrdup(name);
    entry->options = REMOTE_OPTIONS_DEFAULT;
    LIST_FOREACH (other, &sync->entries, node) {
        if (strcmp(other->name, name) > 0) {
            where = &other->node;
            break;
        }
    }
    list_insert_before(where, &entry->node);
    return entry;
}

static void on_added(struct sync *sync, const char *name)
{
    const struct sync_settings settings = sync_settings(sync, NULL);
    _cleanup_failure_ struct failure *failure = NULL;

    entry_new(sync, name);
    failure = sync_apply(sync, name, &settings);
    if (failure) {
        log_err("database %s: cannot connect to the active server: %s", name,
                failure_text(failure));
    }
}

static void on_databases_changed(struct databases_observer *observer, struct db *old,
                                 struct db *new)
{
    struct sync *sync = CONTAINER_OF(observer, struct sync, observer);
    struct entry *entry = old ? find_entry(sync, db_schema(old)->name) : NULL;

    if (!old && server_role(sync->server, new) == ROLE_RELAY) {
        return; // it has a source of its own
    }
    if (!old) {
        on_added(sync, db_schema(new)->name);
    } else if (entry && !new) {
        entry_free(entry);
    } else if (entry && entry->replica) {
        replica_forget(entry->replica);
        replica_restart(entry->replica);
    }
}

struct sync *sync_new(struct server *server, struct databases *databases,
                      struct upstreams *upstreams)
{
    struct sync *sync = NEW(struct sync);

    sync->server = server;
    sync->databases = databases;
    sync->upstreams = upstreams;
    sync->common = (struct entry){.sync = sync, .options = REMOTE_OPTIONS_DEFAULT};
    list_init(&sync->entries);
    sync->observer.changed = on_databases_changed;
    databases_on_change(databases, &sync->observer);
    return sync;
}

void sync_free(struct sync *sync)
{
    if (!sync) {
        return;
    }
    databases_observer_remove(&sync->observer);
    while (!list_is_empty(&sync->entries)) {
        entry_free(LIST_FIRST(&sync->entries, struct entry, node));
    }
    exclude_done(&sync->exclude);
    free(sync->common.owner);
    free(sync->common.source);
    free(sync);
}

// Settings

// The first entry that `db` means, or the one after `last`.
static struct entry *next_meant(struct sync *sync, const char *db, const struct entry *last)
{
    struct list *next;

    if (db) {
        return last ? NULL : find_entry(sync, db);
    }
    if (!last) {
        return &sync->common;
    }
    next = last == &sync->common ? sync->entries.next : last->node.next;
    return next == &sync->entries ? NULL : CONTAINER_OF(next, struct entry, node);
}

#define FOREACH_MEANT(entry, sync, db)                                                             \
    for ((entry) = next_meant((sync), (db), NULL); (entry);                                        \
         (entry) = next_meant((sync), (db), (entry)))

void sync_set_owner(struct sync *sync, const char *db, const char *file)
{
    struct entry *entry = db ? find_entry(sync, db) : &sync->common;

    free(entry->owner);
    entry->owner = file ? xstrdup(file) : NULL;
}

const char *sync_owner(const struct sync *sync, const char *db)
{
    const struct entry *entry;

    if (db) {
        return find_entry(sync, db)->owner;
    }
    LIST_FOREACH (entry, &sync->entries, node) {
        if (entry->owner) {
            return entry->owner;
        }
    }
    return sync->common.owner;
}

// True if all replicas of the entry's connection are among those that `db` means.
static bool has_upstream_alone(struct sync *sync, const char *db, const struct entry *entry)
{
    const struct entry *meant;
    size_t n = 0;

    FOREACH_MEANT(meant, sync, db)
    {
        n += meant->upstream == entry->upstream;
    }
    return n == upstream_n_replicas(entry->upstream);
}

static void entry_set_options(struct entry *entry, const char *db,
                              const struct remote_options *options)
{
    bool is_changed = !remote_options_equal(&entry->options, options);

    entry->options = *options;
    if (!entry->upstream || !is_changed) {
        return;
    }
    if (has_upstream_alone(entry->sync, db, entry)) {
        upstream_set_options(entry->upstream, options);
    } else {
        entry_rejoin(entry);
    }
}

void sync_set_options(struct sync *sync, const char *db, const struct remote_options *options)
{
    struct entry *entry;

    FOREACH_MEANT(entry, sync, db)
    {
        entry_set_options(entry, db, options);
    }
}

void sync_set_probe_interval(struct sync *sync, const char *db, uint64_t ms)
{
    struct entry *entry;

    FOREACH_MEANT(entry, sync, db)
    {
        struct remote_options options = entry->options;

        options.probe_interval_ms = ms;
        entry_set_options(entry, db, &options);
    }
}

struct failure *sync_set_source(struct sync *sync, const char *db, const char *source)
{
    struct failure *failure = upstream_check_source(source);
    struct entry *entry;

    if (failure) {
        return failure;
    }
    FOREACH_MEANT(entry, sync, db)
    {
        char *former = entry->source;

        entry->source = xstrdup(source); // `source` may be the former one
        free(former);
        entry_rejoin(entry);
    }
    return NULL;
}

// The excluded tables, with those of one database replaced by those in `of_db`.
static char *exclude_of_others(const struct sync *sync, const char *db, const char *of_db)
{
    struct buf list = {0};

    exclude_put_others(&sync->exclude, db, &list);
    if (*of_db) {
        buf_printf(&list, "%s%s", list.size ? "," : "", of_db);
    }
    return buf_steal(&list);
}

// Starts the replicas again whose tables have changed.
static void restart_replicas(struct sync *sync, const struct exclude *before)
{
    struct entry *entry;

    LIST_FOREACH (entry, &sync->entries, node) {
        _cleanup_buf_ struct buf was = {0}, is = {0};

        exclude_put_of(before, entry->name, &was);
        exclude_put_of(&sync->exclude, entry->name, &is);
        if (entry->replica && !slice_equals(buf_slice(&was), buf_slice(&is))) {
            replica_restart(entry->replica);
        }
    }
}

struct failure *sync_set_exclude(struct sync *sync, const char *db, const char *tables)
{
    struct exclude before = sync->exclude, exclude = {0};
    _cleanup_free_ char *bad = NULL, *list = NULL;

    if (!exclude_parse(&exclude, tables, &bad)) {
        return failure_new(FAILURE_INVALID, "\"%s\" is not of the form DB:TABLE", bad);
    }
    if (db && !exclude_is_of(&exclude, db)) {
        exclude_done(&exclude);
        return failure_new(FAILURE_INVALID, "%s: not only tables of the database %s", tables, db);
    }
    if (db) {
        list = exclude_of_others(sync, db, tables);
        if (!exclude_parse(&exclude, list, &bad)) {
            assert(false); // both parts have been parsed
        }
    }
    sync->exclude = exclude;
    restart_replicas(sync, &before);
    exclude_done(&before);
    return NULL;
}

void sync_set_strict(struct sync *sync, const char *db, bool is_strict)
{
    struct entry *entry;

    FOREACH_MEANT(entry, sync, db)
    {
        bool is_changed = entry->is_strict != is_strict;

        entry->is_strict = is_strict;
        if (entry->replica && is_changed) {
            replica_set_strict(entry->replica, is_strict);
            replica_restart(entry->replica);
        }
    }
}

struct failure *sync_connect(struct sync *sync, const char *db)
{
    struct failure *first = NULL;
    struct entry *entry;

    FOREACH_MEANT(entry, sync, db)
    {
        if (db || entry->source) {
            failure_keep_first(&first, make_backup(entry));
        }
    }
    return first;
}

void sync_disconnect(struct sync *sync, const char *db)
{
    struct entry *entry;

    FOREACH_MEANT(entry, sync, db)
    {
        make_active(entry);
    }
}

void sync_set_common(struct sync *sync, const struct sync_settings *settings)
{
    struct entry *common = &sync->common;

    free(common->source);
    common->source = settings->source ? xstrdup(settings->source) : NULL;
    common->options = settings->options;
    common->is_backup = settings->is_backup;
    common->is_strict = settings->is_strict;
}

struct failure *sync_apply(struct sync *sync, const char *db, const struct sync_settings *settings)
{
    struct failure *failure = NULL;

    sync_set_options(sync, db, &settings->options);
    sync_set_strict(sync, db, settings->is_strict);
    if (settings->source && !str_equals(settings->source, sync_settings(sync, db).source)) {
        failure = sync_set_source(sync, db, settings->source);
    }
    if (!failure && settings->is_backup) {
        failure = sync_connect(sync, db);
    }
    if (!settings->is_backup) {
        sync_disconnect(sync, db);
    }
    return failure;
}

struct sync_settings sync_settings(const struct sync *sync, const char *db)
{
    const struct entry *entry = db ? find_entry(sync, db) : &sync->common;

    return (struct sync_settings){entry->source, entry->options, entry->is_backup,
                                  entry->is_strict};
}

const struct exclude *sync_exclude(const struct sync *sync)
{
    return &sync->exclude;
}

bool sync_has(const struct sync *sync, const char *db)
{
    return find_entry(sync, db);
}

const char *sync_next(const struct sync *sync, const char *db)
{
    const struct list *node = db ? find_entry(sync, db)->node.next : sync->entries.next;

    return node == &sync->entries ? NULL : CONTAINER_OF(node, struct entry, node)->name;
}

struct sync_state sync_state(const struct sync *sync, const char *db)
{
    const struct entry *entry = find_entry(sync, db);
    struct sync_state state = {.error = entry->failure ? failure_text(entry->failure) : NULL};

    if (entry->replica && entry->upstream) {
        state.remote = upstream_remote(entry->upstream);
        state.is_replicating = replica_state(entry->replica) == REPLICA_REPLICATING;
        state.error = replica_reason(entry->replica);
        if (!state.error && !state.is_replicating) {
            state.error = upstream_failure(entry->upstream);
        }
    }
    return state;
}

// The source replies to an empty transaction after the updates for all earlier ones.
bool sync_catch_up(const struct sync *sync, const char *db, source_done *done, void *userdata)
{
    const struct entry *entry = find_entry(sync, db);
    _cleanup_buf_ struct buf params = {0};

    if (!entry->upstream || replica_state(entry->replica) != REPLICA_REPLICATING) {
        return false;
    }
    buf_putc(&params, '[');
    emit_string(&params, slice_of(db));
    buf_putc(&params, ']');
    return upstream_request(entry->upstream, "transact", buf_slice(&params), done, userdata);
}

void sync_count(const struct sync *sync, size_t *ret_backups, size_t *ret_replicating)
{
    const struct entry *entry;

    *ret_backups = *ret_replicating = 0;
    LIST_FOREACH (entry, &sync->entries, node) {
        *ret_backups += entry->is_backup;
        *ret_replicating += entry->replica && replica_state(entry->replica) == REPLICA_REPLICATING;
    }
}

enum sync_role sync_role(const struct sync *sync)
{
    size_t n_backups, n_replicating, n = 0;
    const struct entry *entry;

    sync_count(sync, &n_backups, &n_replicating);
    LIST_FOREACH (entry, &sync->entries, node) {
        n++;
    }
    if (!n) {
        return sync->common.is_backup ? SYNC_BACKUP : SYNC_ACTIVE;
    }
    return n_backups == n ? SYNC_BACKUP : n_backups ? SYNC_MIXED : SYNC_ACTIVE;
}

const char *sync_role_name(enum sync_role role)
{
    static const char *const names[] = {
        [SYNC_ACTIVE] = "active", [SYNC_BACKUP] = "backup", [SYNC_MIXED] = "mixed"};

    return names[role];
}

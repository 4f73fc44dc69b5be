// SPDX-License-Identifier: Apache-2.0
#include "daemon/databases/databases.h"

#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "basic/reclaim.h"
#include "daemon/databases/discard.h"
#include "daemon/startup.h"
#include "model/schema.h"
#include "service/confine.h"
#include "store/provision.h"

#include <assert.h>

#define RUN_TIME     USEC_PER_MSEC // of databases_run()
#define RECLAIM_STEP 64            // units of reclaim_run()

LOG_MODULE(ovsdb_server);

struct database {
    char *name;
    struct store *store;
};

struct databases {
    struct server *server;
    struct group_commit *group_commit;
    struct list observers;
    struct database *items; // sorted by name
    size_t n;
    size_t capacity;
    // Stores that are not served any more, but still used by a helper thread.
    struct store **leaving;
    size_t n_leaving;
    size_t leaving_capacity;
    bool trim;
    bool whole_values; // records hold whole values instead of differences
};

static bool is_served(const struct databases *databases, const struct store *store)
{
    for (size_t i = 0; i < databases->n; i++) {
        if (databases->items[i].store == store) {
            return true;
        }
    }
    return false;
}

static void notify_observers(const struct databases *databases, struct db *old, struct db *new)
{
    struct databases_observer *observer;

    LIST_FOREACH (observer, &databases->observers, node) {
        observer->changed(observer, old, new);
    }
}

// A conversion that a client asked for.
struct conversion_call {
    struct databases *databases;
    struct store *store;
};

static void on_converted(void *userdata, struct db *old, const struct ovsdb_error *error)
{
    struct conversion_call *call = userdata;
    struct databases *databases = call->databases;
    struct db *current = store_db(call->store);

    // Observers are called before the server runs the waiting transactions.
    if (old && is_served(databases, call->store)) {
        notify_observers(databases, old, current);
    }
    server_converted(databases->server, old ? old : current, current, error);
    if (old) {
        discard_db(old, databases->group_commit);
    }
    free(call);
}

static void on_convert(void *userdata, struct db *db, struct schema *schema)
{
    struct databases *databases = userdata;
    struct conversion_call *call = NEW(struct conversion_call);
    size_t i = 0;

    while (store_db(databases->items[i].store) != db) {
        i++;
        assert(i < databases->n); // the server only knows databases from here
    }
    *call = (struct conversion_call){databases, databases->items[i].store};
    store_start_conversion(call->store, schema, on_converted, call);
}

struct databases *databases_new(struct server *server, struct group_commit *group_commit)
{
    struct databases *databases = NEW(struct databases);
    const struct server_converter converter = {on_convert, databases};

    server_set_converter(server, &converter);
    databases->server = server;
    databases->group_commit = group_commit;
    list_init(&databases->observers);
    reclaim_start();
    return databases;
}

// Closes the stores in `leaving`: with `wait` all, otherwise those whose helper thread has ended.
static void close_leaving(struct databases *databases, bool wait)
{
    for (size_t i = 0; i < databases->n_leaving;) {
        struct store *store = databases->leaving[i];

        if (store_cancel(store) && !wait) {
            i++;
        } else {
            databases->leaving[i] = databases->leaving[--databases->n_leaving];
            discard_db(store_close_keeping_db(store), databases->group_commit);
        }
    }
}

static void close_at(struct databases *databases, size_t i)
{
    struct database database = databases->items[i];

    memmove(databases->items + i, databases->items + i + 1,
            (databases->n - i - 1) * sizeof(databases->items[0]));
    databases->n--;
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_GONE, LOG_FIELDS({"OVSDB_DATABASE", database.name}),
              "%s: not served any more", database.name);
    server_remove_db(databases->server, store_db(database.store));
    notify_observers(databases, store_db(database.store), NULL);
    GROW(databases->leaving, databases->n_leaving, databases->leaving_capacity);
    databases->leaving[databases->n_leaving++] = database.store;
    close_leaving(databases, false);
    free(database.name);
}

void databases_free(struct databases *databases)
{
    if (!databases) {
        return;
    }
    while (databases->n) {
        close_at(databases, databases->n - 1);
    }
    close_leaving(databases, true);
    assert(!databases->n_leaving);
    assert(list_is_empty(&databases->observers));
    reclaim_stop();
    free(databases->leaving);
    free(databases->items);
    free(databases);
}

void databases_on_change(struct databases *databases, struct databases_observer *observer)
{
    list_push_back(&databases->observers, &observer->node);
}

void databases_observer_remove(struct databases_observer *observer)
{
    list_remove(&observer->node);
}

static size_t position_of(const struct databases *databases, const char *name)
{
    size_t i = 0;

    while (i < databases->n && strcmp(databases->items[i].name, name) < 0) {
        i++;
    }
    return i;
}

static bool is_at(const struct databases *databases, size_t i, const char *name)
{
    return i < databases->n && !strcmp(databases->items[i].name, name);
}

const char *databases_name_of(const struct databases *databases, const char *path)
{
    _cleanup_free_ char *real = NULL;

    if (file_resolve(path, &real) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < databases->n; i++) {
        _cleanup_free_ char *other = NULL;

        if (!file_resolve(store_path(databases->items[i].store), &other) && !strcmp(real, other)) {
            return databases->items[i].name;
        }
    }
    return NULL;
}

static void insert_store(struct databases *databases, const char *name, struct store *store)
{
    size_t i = position_of(databases, name);

    assert(!is_at(databases, i, name));
    GROW(databases->items, databases->n, databases->capacity);
    memmove(databases->items + i + 1, databases->items + i,
            (databases->n - i) * sizeof(databases->items[0]));
    databases->items[i] = (struct database){xstrdup(name), store};
    databases->n++;
}

// Opens the file. `schema_path` is as for databases_add().
static struct ovsdb_error *open_store(struct databases *databases, const char *path,
                                      const char *schema_path, bool recover_damaged,
                                      struct store **ret, bool *ret_is_damaged)
{
    static const struct progress progress = {startup_progress, NULL};
    _cleanup_schema_ struct schema *schema = NULL;
    struct ovsdb_error *error = NULL;

    startup_begin(path);
    if (schema_path) {
        error = provision_read_schema(schema_path, &schema);
        if (!error) {
            error = provision_create(path, schema);
        }
    }
    if (!error) {
        error = store_open(path, recover_damaged ? STORE_RECOVER : STORE_READ_WRITE,
                           databases->group_commit, &progress, ret, ret_is_damaged);
    }
    if (!error && schema) {
        error = provision_convert(*ret, schema, &progress);
        if (error) {
            store_close(*ret);
        }
    }
    return error;
}

static char *check_files(const char *path, const char *schema)
{
    struct failure *failure = confine_check(CONFINE_DATABASE, path);

    if (!failure && schema) {
        failure = confine_check(CONFINE_READ, schema);
    }
    return failure_take_text(failure);
}

static char *open_failed(const char *path, const struct ovsdb_error *error, bool is_damaged)
{
    if (is_damaged) {
        log_event(LOG_LEVEL_ERR, MSG_DATABASE_DAMAGED, LOG_FIELDS({"OVSDB_FILE", path}),
                  "%s: the file is damaged", path);
    }
    return error_text(error);
}

bool databases_is_relay(const char *argument)
{
    return !strncmp(argument, "relay:", strlen("relay:"));
}

char *databases_add(struct databases *databases, const char *path, const char *schema,
                    bool recover_damaged)
{
    _cleanup_error_ struct ovsdb_error *error = NULL;
    struct store *store;
    bool is_damaged = false;
    const char *name;
    char *refusal;

    if (databases_is_relay(path)) {
        return xasprintf("%s: relay databases are not supported yet", path);
    }
    refusal = check_files(path, schema);
    if (refusal) {
        return refusal;
    }
    if (databases_name_of(databases, path)) {
        return xasprintf("ovsdb error: %s: already open", path);
    }
    close_leaving(databases, true); // the file may belong to one of them
    error = open_store(databases, path, schema, recover_damaged, &store, &is_damaged);
    if (error) {
        return open_failed(path, error, is_damaged);
    }
    reclaim_trim(); // memory that loading needed besides the rows
    name = db_schema(store_db(store))->name;
    if (server_add_db(databases->server, store_db(store)) < 0) {
        char *text = xasprintf("ovsdb error: %s: duplicate database name", name);

        store_close(store);
        return text;
    }
    store_set_column_diff(store, !databases->whole_values);
    insert_store(databases, name, store);
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_SERVED, LOG_FIELDS({"OVSDB_DATABASE", name}),
              "%s: serving database %s", path, name);
    notify_observers(databases, NULL, store_db(store));
    return NULL;
}

bool databases_remove(struct databases *databases, const char *name)
{
    size_t i = position_of(databases, name);

    if (!is_at(databases, i, name)) {
        return false;
    }
    close_at(databases, i);
    return true;
}

struct store *databases_find(const struct databases *databases, const char *name)
{
    size_t i = position_of(databases, name);

    return is_at(databases, i, name) ? databases->items[i].store : NULL;
}

struct store *databases_next(const struct databases *databases, size_t *state,
                             const char **ret_name)
{
    const struct database *database;

    if (*state >= databases->n) {
        return NULL;
    }
    database = &databases->items[(*state)++];
    *ret_name = database->name;
    return database->store;
}

// The caller of databases_compact().
struct compaction_call {
    struct databases *databases;
    struct store *store;
    void (*done)(void *userdata, const char *error);
    void *userdata;
};

static void on_compacted(void *userdata, const struct ovsdb_error *error)
{
    struct compaction_call *call = userdata;
    _cleanup_free_ char *text = error ? error_text(error) : NULL;

    if (!error && call->databases->trim) {
        reclaim_trim();
    }
    if (call->done) {
        call->done(call->userdata, text);
    } else if (error && is_served(call->databases, call->store)) {
        log_event(LOG_LEVEL_WARN, MSG_COMPACTION_FAILED, NULL, "compaction failed: %s", text);
    }
    free(call);
}

void databases_compact(struct databases *databases, struct store *store,
                       void (*done)(void *userdata, const char *error), void *userdata)
{
    struct compaction_call *call = NEW(struct compaction_call);

    *call = (struct compaction_call){databases, store, done, userdata};
    store_start_compaction(store, on_compacted, call);
}

void databases_compact_if_due(struct databases *databases, usec_t now)
{
    for (size_t i = 0; i < databases->n; i++) {
        struct store *store = databases->items[i].store;

        if (store_wants_compaction(store, now)) {
            databases_compact(databases, store, NULL, NULL);
        }
    }
}

static bool run_step(struct databases *databases)
{
    bool more = reclaim_run(RECLAIM_STEP);

    close_leaving(databases, false);
    for (size_t i = 0; i < databases->n; i++) {
        more = store_run(databases->items[i].store) || more;
    }
    return more;
}

bool databases_run(struct databases *databases)
{
    usec_t end = clock_monotonic() + RUN_TIME;

    while (run_step(databases)) {
        if (clock_monotonic() >= end) {
            return true;
        }
    }
    return false;
}

void databases_set_trim(struct databases *databases, bool trim)
{
    databases->trim = trim;
}

void databases_set_column_diff(struct databases *databases, bool on)
{
    databases->whole_values = !on;
    for (size_t i = 0; i < databases->n; i++) {
        store_set_column_diff(databases->items[i].store, on);
    }
}

bool databases_trim(const struct databases *databases)
{
    return databases->trim;
}

bool databases_column_diff(const struct databases *databases)
{
    return !databases->whole_values;
}

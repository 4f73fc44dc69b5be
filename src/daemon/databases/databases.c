// SPDX-License-Identifier: Apache-2.0
#include "daemon/databases/databases.h"

#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "basic/reclaim.h"
#include "basic/str.h"
#include "daemon/databases/discard.h"
#include "daemon/startup.h"
#include "service/confine.h"
#include "service/notify.h"
#include "store/cluster_file.h"
#include "store/opening.h"
#include "store/provision.h"
#include "json/emit.h"

#include <assert.h>
#include <errno.h>

#define RUN_TIME       USEC_PER_MSEC       // of databases_run()
#define RECLAIM_STEP   64                  // units of reclaim_run()
#define EXTEND_TIMEOUT (60 * USEC_PER_SEC) // of the service manager, when an opening has progressed

LOG_MODULE(ovsdb_server);

struct database {
    char *name;
    struct store *store; // NULL: a clustered database, or the copy of a relay
    struct db *copy;
    char *argument; // of a copy: "relay:DB:SOURCE", or the path of a clustered database
};

static bool is_relay(const struct database *database)
{
    return database->argument && databases_is_relay(database->argument);
}

struct databases {
    struct server *server;
    struct group_commit *group_commit;
    struct list observers;
    struct list addings;
    uint64_t steps_reported; // of the openings in `addings`
    struct database *items;  // sorted by name
    size_t n;
    size_t capacity;
    struct databases_cluster_functions cluster; // functions are NULL: not supported
    struct failure *(*add_relay)(void *userdata, const char *argument); // or NULL
    void *relays;
    struct list leaving; // stores that are not served any more, but not closed yet
    bool trim;
    bool whole_values; // records hold whole values instead of differences
};

struct leaving {
    struct list node;
    struct store *store;
    databases_closed_function *done; // or NULL
    void *userdata;
};

static struct db *database_db(const struct database *database)
{
    return database->store ? store_db(database->store) : database->copy;
}

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

    while (database_db(&databases->items[i]) != db) {
        i++;
        assert(i < databases->n); // the server only knows databases from here
    }
    if (!databases->items[i].store) {
        assert(!is_relay(&databases->items[i])); // a relay forwards conversions
        databases->cluster.convert(databases->cluster.userdata, db, schema);
        free(call);
        return;
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
    list_init(&databases->addings);
    list_init(&databases->leaving);
    reclaim_start();
    return databases;
}

// Closes the stores in `leaving`: with `wait` all, otherwise those that no helper thread uses.
static void close_leaving(struct databases *databases, bool wait)
{
    struct leaving *leaving, *next;

    LIST_FOREACH_SAFE (leaving, next, &databases->leaving, node) {
        if (store_begin_close(leaving->store) && !wait) {
            continue;
        }
        list_remove(&leaving->node);
        discard_db(store_close_keeping_db(leaving->store), databases->group_commit);
        if (leaving->done) {
            leaving->done(leaving->userdata);
        }
        free(leaving);
    }
}

// `done` as for databases_remove().
static void close_at(struct databases *databases, size_t i, databases_closed_function *done,
                     void *userdata)
{
    struct database database = databases->items[i];

    memmove(databases->items + i, databases->items + i + 1,
            (databases->n - i - 1) * sizeof(databases->items[0]));
    databases->n--;
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_GONE, LOG_FIELDS({"OVSDB_DATABASE", database.name}),
              "%s: not served any more", database.name);
    server_remove_db(databases->server, database_db(&database));
    notify_observers(databases, database_db(&database), NULL);
    if (database.store) {
        struct leaving *leaving = NEW(struct leaving);

        *leaving = (struct leaving){.store = database.store, .done = done, .userdata = userdata};
        list_push_back(&databases->leaving, &leaving->node);
        close_leaving(databases, false);
    } else {
        discard_db(database.copy, databases->group_commit);
        if (done) {
            done(userdata);
        }
    }
    free(database.name);
    free(database.argument);
}

void databases_free(struct databases *databases)
{
    if (!databases) {
        return;
    }
    databases_stop_adding(databases);
    while (databases->n) {
        close_at(databases, databases->n - 1, NULL, NULL);
    }
    databases_finish_closing(databases);
    assert(list_is_empty(&databases->leaving));
    assert(list_is_empty(&databases->observers));
    reclaim_stop();
    free(databases->items);
    free(databases);
}

struct group_commit *databases_group_commit(const struct databases *databases)
{
    return databases->group_commit;
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

static const char *name_of_relay(const struct databases *databases, const char *argument)
{
    for (size_t i = 0; i < databases->n; i++) {
        if (str_equals(databases->items[i].argument, argument)) {
            return databases->items[i].name;
        }
    }
    return NULL;
}

const char *databases_name_of(const struct databases *databases, const char *path)
{
    _cleanup_free_ char *real = NULL;

    if (databases_is_relay(path)) {
        return name_of_relay(databases, path);
    }
    if (file_resolve(path, &real) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < databases->n; i++) {
        const struct database *database = &databases->items[i];
        const char *file = database->store ? store_path(database->store) : database->argument;
        _cleanup_free_ char *other = NULL;

        if (!is_relay(database) && !file_resolve(file, &other) && !strcmp(real, other)) {
            return database->name;
        }
    }
    return NULL;
}

// Takes over the members of `database`.
static void insert_database(struct databases *databases, const struct database *database)
{
    size_t i = position_of(databases, database->name);

    assert(!is_at(databases, i, database->name));
    GROW(databases->items, databases->n, databases->capacity);
    memmove(databases->items + i + 1, databases->items + i,
            (databases->n - i) * sizeof(databases->items[0]));
    databases->items[i] = *database;
    databases->n++;
}

static struct failure *check_path(const struct databases *databases, const char *path,
                                  const char *schema)
{
    struct failure *failure = confine_check(CONFINE_DATABASE, path);

    if (!failure && schema) {
        failure = confine_check(CONFINE_READ, schema);
    }
    if (!failure && databases_name_of(databases, path)) {
        failure = failure_new(FAILURE_BUSY, "ovsdb error: %s: already open", path);
    }
    return failure;
}

// Takes `error`.
static struct failure *open_failed(struct ovsdb_error *error, bool is_damaged)
{
    _cleanup_free_ char *text = error_text(error);
    enum failure_kind kind = is_damaged                      ? FAILURE_DAMAGED
                             : !strcmp(error->tag, ERROR_IO) ? FAILURE_SYSTEM
                                                             : FAILURE_INVALID;

    error_free(error);
    return failure_new(kind, "%s", text);
}

bool databases_is_relay(const char *argument)
{
    return !strncmp(argument, "relay:", strlen("relay:"));
}

// Serves a store, which it takes over.
static struct failure *serve_store(struct databases *databases, struct store *store)
{
    const char *name = db_schema(store_db(store))->name;

    if (server_add_db(databases->server, store_db(store)) < 0) {
        struct failure *failure =
            failure_new(FAILURE_BUSY, "ovsdb error: %s: duplicate database name", name);

        discard_db(store_close_keeping_db(store), databases->group_commit);
        return failure;
    }
    store_set_column_diff(store, !databases->whole_values);
    insert_database(databases, &(struct database){.name = xstrdup(name), .store = store});
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_SERVED, LOG_FIELDS({"OVSDB_DATABASE", name}),
              "%s: serving database %s", store_path(store), name);
    notify_observers(databases, NULL, store_db(store));
    return NULL;
}

static enum store_mode mode_for(bool recover_damaged)
{
    return recover_damaged ? STORE_RECOVER : STORE_READ_WRITE;
}

// A clustered database has the schema that its log says.
static struct failure *add_clustered(struct databases *databases, const char *path,
                                     const char *schema)
{
    if (!databases->cluster.add) {
        return failure_new(
            FAILURE_INVALID,
            "ovsdb error: %s: a clustered database cannot be served: this server was "
            "built without libraft; \"ovsdb-tool cluster-to-standalone NEW %s\" makes "
            "a standalone database of the file",
            path, path);
    }
    return schema ? failure_new(FAILURE_INVALID,
                                "ovsdb error: %s: a clustered database cannot be created or "
                                "converted with a schema file: use \"ovsdb-client convert\"",
                                path)
                  : databases->cluster.add(databases->cluster.userdata, path);
}

static struct failure *add_relay(struct databases *databases, const char *argument)
{
    assert(databases->add_relay);
    return databases->add_relay(databases->relays, argument);
}

struct failure *databases_add(struct databases *databases, const char *path, const char *schema,
                              bool recover_damaged)
{
    static const struct progress progress = {startup_progress, NULL};
    struct failure *failure;
    struct ovsdb_error *error;
    struct store *store;
    bool is_damaged;

    if (databases_is_relay(path)) {
        return add_relay(databases, path);
    }
    failure = check_path(databases, path, schema);
    if (failure) {
        return failure;
    }
    startup_begin(path);
    if (cluster_file_is(path)) {
        return add_clustered(databases, path, schema);
    }
    error = provision_open(path, schema, mode_for(recover_damaged), &progress, &store, &is_damaged);
    if (error) {
        return open_failed(error, is_damaged);
    }
    reclaim_trim(); // memory that loading needed besides the rows
    store_join(store, databases->group_commit);
    return serve_store(databases, store);
}

// A database that is opened while others are served.
struct adding {
    struct list node;
    struct databases *databases;
    struct opening *opening;
    bool is_stopped; // by databases_stop_adding()
    databases_added_function *done;
    void *userdata;
};

static void on_opened(void *userdata, struct store *store, struct ovsdb_error *error,
                      bool is_damaged)
{
    struct adding *adding = userdata;
    struct databases *databases = adding->databases;
    struct failure *failure = NULL;

    list_remove(&adding->node);
    if (adding->is_stopped) {
        failure = failure_from_errno(ECANCELED, "%s", opening_path(adding->opening));
        error_free(error);
        if (store) {
            discard_db(store_close_keeping_db(store), databases->group_commit);
        }
    } else {
        failure = error ? open_failed(error, is_damaged) : serve_store(databases, store);
    }
    adding->done(adding->userdata, failure);
    free(adding);
}

static bool is_file_being_added(const struct databases *databases, const char *path)
{
    _cleanup_free_ char *real = NULL;
    struct adding *adding;

    if (file_resolve(path, &real) < 0) {
        return false;
    }
    LIST_FOREACH (adding, &databases->addings, node) {
        _cleanup_free_ char *other = NULL;

        if (!file_resolve(opening_path(adding->opening), &other) && !strcmp(real, other)) {
            return true;
        }
    }
    return false;
}

// Whether the file may belong to a store that is being closed.
static bool is_file_leaving(const struct databases *databases, const char *path)
{
    _cleanup_free_ char *real = NULL;
    const bool is_known = !file_resolve(path, &real);
    struct leaving *leaving;

    LIST_FOREACH (leaving, &databases->leaving, node) {
        _cleanup_free_ char *other = NULL;

        if (!is_known || file_resolve(store_path(leaving->store), &other) < 0 ||
            !strcmp(real, other)) {
            return true;
        }
    }
    return false;
}

// Starts the openings that wait, unless their files may belong to a store that is being closed.
static void start_openings(struct databases *databases)
{
    struct adding *adding, *next;

    LIST_FOREACH_SAFE (adding, next, &databases->addings, node) {
        if (!opening_is_started(adding->opening) &&
            !is_file_leaving(databases, opening_path(adding->opening))) {
            opening_start(adding->opening);
        }
    }
}

void databases_start_add(struct databases *databases, const char *path, const char *schema,
                         bool recover_damaged, databases_added_function *done, void *userdata)
{
    struct failure *failure;
    struct adding *adding;

    if (databases_is_relay(path)) {
        done(userdata, add_relay(databases, path));
        return;
    }
    failure = check_path(databases, path, schema);
    if (!failure && is_file_being_added(databases, path)) {
        failure = failure_new(FAILURE_BUSY, "ovsdb error: %s: already being opened", path);
    }
    if (failure) {
        done(userdata, failure);
        return;
    }
    if (cluster_file_is(path)) {
        done(userdata, add_clustered(databases, path, schema));
        return;
    }
    adding = NEW(struct adding);
    adding->databases = databases;
    adding->done = done;
    adding->userdata = userdata;
    adding->opening = opening_new(path, schema, mode_for(recover_damaged), databases->group_commit,
                                  on_opened, adding);
    list_push_back(&databases->addings, &adding->node);
    close_leaving(databases, false);
    start_openings(databases);
}

bool databases_is_adding(const struct databases *databases)
{
    return !list_is_empty(&databases->addings);
}

void databases_stop_adding(struct databases *databases)
{
    while (databases_is_adding(databases)) {
        struct adding *adding = LIST_FIRST(&databases->addings, struct adding, node);

        adding->is_stopped = true;
        opening_stop(adding->opening);
    }
}

// Extends timeouts of the service manager as long as openings progress: a reload may wait for them.
static void report_openings(struct databases *databases)
{
    struct adding *adding;
    uint64_t n_steps = 0;

    LIST_FOREACH (adding, &databases->addings, node) {
        n_steps += opening_n_steps(adding->opening);
    }
    if (n_steps > databases->steps_reported) {
        notify_extend_timeout(EXTEND_TIMEOUT);
    }
    databases->steps_reported = n_steps;
}

void databases_on_add_relay(struct databases *databases,
                            struct failure *(*add)(void *userdata, const char *argument),
                            void *userdata)
{
    databases->add_relay = add;
    databases->relays = userdata;
}

void databases_set_cluster_functions(struct databases *databases,
                                     const struct databases_cluster_functions *functions)
{
    databases->cluster = *functions;
}

struct schema *databases_empty_schema(const char *name)
{
    _cleanup_buf_ struct buf text = {0};
    _cleanup_error_ struct ovsdb_error *error = NULL;
    struct schema *schema = NULL;

    buf_puts(&text, "{\"name\":");
    emit_string(&text, slice_of(name));
    buf_puts(&text, ",\"version\":\"0.0.0\",\"tables\":{}}");
    error = schema_from_text(buf_slice(&text), &schema);
    return error ? NULL : schema;
}

bool databases_add_copy(struct databases *databases, struct db *db, const char *argument,
                        enum db_role role)
{
    const char *name = db_schema(db)->name;
    struct database database = {.copy = db};

    if (server_add_db(databases->server, db) < 0) {
        return false;
    }
    server_set_role(databases->server, db, role);
    database.name = xstrdup(name);
    database.argument = xstrdup(argument);
    insert_database(databases, &database);
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_SERVED, LOG_FIELDS({"OVSDB_DATABASE", name}),
              "%s: serving database %s", argument, name);
    notify_observers(databases, NULL, db);
    return true;
}

// Takes over `new`, and returns the former database.
static struct db *set_copy(struct databases *databases, struct db *new)
{
    const char *name = db_schema(new)->name;
    struct database *database = &databases->items[position_of(databases, name)];
    struct db *old = database->copy;

    assert(!strcmp(database->name, name) && old);
    database->copy = new;
    notify_observers(databases, old, new);
    return old;
}

void databases_replace_copy(struct databases *databases, struct db *new)
{
    struct db *old = set_copy(databases, new);

    server_replace_db(databases->server, old, new);
    discard_db(old, databases->group_commit);
}

void databases_converted_copy(struct databases *databases, struct db *new)
{
    struct db *old = set_copy(databases, new);

    server_converted(databases->server, old, new, NULL);
    discard_db(old, databases->group_commit);
}

bool databases_remove(struct databases *databases, const char *name,
                      databases_closed_function *done, void *userdata)
{
    size_t i = position_of(databases, name);

    if (!is_at(databases, i, name)) {
        return false;
    }
    close_at(databases, i, done, userdata);
    return true;
}

void databases_finish_closing(struct databases *databases)
{
    close_leaving(databases, true);
}

struct store *databases_find(const struct databases *databases, const char *name)
{
    size_t i = position_of(databases, name);

    return is_at(databases, i, name) ? databases->items[i].store : NULL;
}

struct db *databases_find_db(const struct databases *databases, const char *name)
{
    size_t i = position_of(databases, name);

    return is_at(databases, i, name) ? database_db(&databases->items[i]) : NULL;
}

bool databases_waits_for_schema(const struct databases *databases, const char *name)
{
    const struct db *db = databases_find_db(databases, name);

    return db && !databases_find(databases, name) && !db_schema(db)->n_tables;
}

struct store *databases_next(const struct databases *databases, size_t *state,
                             const char **ret_name)
{
    while (*state < databases->n) {
        const struct database *database = &databases->items[(*state)++];

        if (database->store) {
            *ret_name = database->name;
            return database->store;
        }
    }
    return NULL;
}

struct db *databases_next_db(const struct databases *databases, size_t *state,
                             const char **ret_name)
{
    const struct database *database;

    if (*state >= databases->n) {
        return NULL;
    }
    database = &databases->items[(*state)++];
    *ret_name = database->name;
    return database_db(database);
}

const char *databases_next_copy(const struct databases *databases, size_t *state)
{
    while (*state < databases->n) {
        const struct database *database = &databases->items[(*state)++];

        if (!database->store) {
            return database->argument;
        }
    }
    return NULL;
}

// The caller of databases_compact().
struct compaction_call {
    struct databases *databases;
    struct store *store;
    void (*done)(void *userdata, struct failure *failure);
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
        call->done(call->userdata, error ? failure_new(FAILURE_SYSTEM, "%s", text) : NULL);
    } else if (error && is_served(call->databases, call->store)) {
        log_event(LOG_LEVEL_WARN, MSG_COMPACTION_FAILED, NULL, "compaction failed: %s", text);
    }
    free(call);
}

void databases_compact(struct databases *databases, struct store *store,
                       void (*done)(void *userdata, struct failure *failure), void *userdata)
{
    struct compaction_call *call = NEW(struct compaction_call);

    *call = (struct compaction_call){databases, store, done, userdata};
    store_start_compaction(store, on_compacted, call);
}

void databases_compact_if_due(struct databases *databases, usec_t now)
{
    for (size_t i = 0; i < databases->n; i++) {
        struct store *store = databases->items[i].store;

        if (store && store_wants_compaction(store, now)) {
            databases_compact(databases, store, NULL, NULL);
        }
    }
}

static bool run_step(struct databases *databases)
{
    bool more = reclaim_run(RECLAIM_STEP);

    close_leaving(databases, false);
    start_openings(databases);
    for (size_t i = 0; i < databases->n; i++) {
        struct store *store = databases->items[i].store;

        more = (store && store_run(store)) || more;
    }
    return more;
}

bool databases_run(struct databases *databases)
{
    usec_t end = clock_monotonic() + RUN_TIME;

    report_openings(databases);
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
        if (databases->items[i].store) {
            store_set_column_diff(databases->items[i].store, on);
        }
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

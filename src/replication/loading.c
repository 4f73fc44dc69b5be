// SPDX-License-Identifier: Apache-2.0
#include "replication/loading.h"

#include "replication/apply.h"
#include "json/message.h"

#include <assert.h>
#include <errno.h>

#define CHECK_EVERY 256 // rows: how often the thread looks whether it is canceled

// A table of our schema.
struct loading_table {
    bool is_wanted; // it is replicated
    bool is_done;   // the reply contains it, and it has been handled
    // With a snapshot: its rows, sorted by UUID, and which of them the reply contains.
    const struct row **rows;
    bool *is_listed;
    size_t n;
};

// Handles a reply on the other thread.
struct loader {
    struct loading *loading;
    uuid_source *new_uuid;
    const struct schema *schema; // of `loading->db`, or loading->ours
    struct buf scratch;
    size_t n_done; // rows
};

struct loading *loading_new(struct db *db, struct schema *theirs, const struct exclude *exclude,
                            bool is_since, bool may_build, struct buf *message)
{
    struct loading *loading = NEW(struct loading);
    struct schema *ours = db_schema(db);
    size_t n_rows = 0;

    loading->message = *message;
    *message = (struct buf){0};
    loading->is_since = is_since;
    loading->ours = schema_ref(ours);
    loading->theirs = schema_ref(theirs);
    loading->tables = NEW_ARRAY(struct loading_table, ours->n_tables + 1u);
    for (size_t i = 0; i < ours->n_tables; i++) {
        const char *name = ours->tables[i].name;

        loading->tables[i].is_wanted =
            schema_find_table(theirs, slice_of(name)) && !exclude_has(exclude, ours->name, name);
        n_rows += table_n_rows(db_table(db, &ours->tables[i]));
    }
    if (n_rows || !may_build) {
        loading->snapshot = snapshot_new(db);
        for (size_t i = 0; i < ours->n_tables; i++) {
            if (!loading->tables[i].is_wanted) {
                snapshot_skip_table(loading->snapshot, i);
            }
        }
    }
    return loading;
}

bool loading_collect(struct loading *loading, size_t n)
{
    return loading->snapshot && snapshot_collect(loading->snapshot, n);
}

bool loading_is_outdated(const struct loading *loading, const struct db *db)
{
    return loading->snapshot && snapshot_moment(loading->snapshot) != db_tail(db);
}

void loading_free(struct loading *loading)
{
    if (loading) {
        assert(!loading->is_running && !loading->db);
        snapshot_free(loading->snapshot);
        buf_done(&loading->message);
        buf_done(&loading->difference);
        error_free(loading->error);
        free(loading->tables);
        schema_unref(loading->ours);
        schema_unref(loading->theirs);
        free(loading);
    }
}

static bool is_canceled(const struct loading *loading)
{
    return atomic_load(&loading->is_canceled);
}

static struct ovsdb_error *error_canceled(void)
{
    return error_io(ECANCELED, "the contents are not needed any more");
}

static int on_progress(void *userdata, const char *what, uint64_t done, uint64_t total)
{
    return is_canceled(userdata) ? -ECANCELED : 0;
}

// Into a new database

static struct ovsdb_error *load_row(struct loader *loader, const struct table_schema *table,
                                    struct uuid uuid, struct slice columns)
{
    bool is_new;
    struct row *row = db_load_row(loader->loading->db, table, uuid, &is_new);

    if (!is_new) {
        return error_new(ERROR_DUPLICATE_UUID, "the contents have the row twice");
    }
    return apply_columns(row, columns, false, &loader->scratch);
}

// The difference

static int compare_rows(const void *a_, const void *b_)
{
    const struct row *const *a = a_, *const *b = b_;

    return uuid_compare((*a)->uuid, (*b)->uuid);
}

static void sort_table(const struct loading *loading, size_t index)
{
    struct loading_table *table = &loading->tables[index];
    struct row *const *rows = snapshot_rows(loading->snapshot, index, &table->n);

    if (table->n) {
        table->rows = xmalloc(table->n * sizeof(struct row *));
        memcpy(table->rows, rows, table->n * sizeof(struct row *));
        qsort(table->rows, table->n, sizeof(struct row *), compare_rows);
        table->is_listed = NEW_ARRAY(bool, table->n);
    }
}

static void table_done(struct loading_table *table)
{
    free(table->rows);
    free(table->is_listed);
    table->rows = NULL;
    table->is_listed = NULL;
    table->n = 0;
}

// The index in table->rows, or SIZE_MAX.
static size_t find_row(const struct loading_table *table, struct uuid uuid)
{
    size_t low = 0, high = table->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = uuid_compare(uuid, table->rows[middle]->uuid);

        if (!order) {
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return SIZE_MAX;
}

// True if the rows are equal in the columns that the source has. The reply contains no others.
static bool has_values(const struct loader *loader, const struct row *row, const struct row *other)
{
    const struct table_schema *theirs =
        schema_find_table(loader->loading->theirs, slice_of(row->table->name));

    for (uint16_t i = COLUMN_VERSION + 1; i < row->table->n_columns; i++) {
        const struct column *column = &row->table->columns[i];

        if (table_schema_find_column(theirs, slice_of(column->name)) &&
            !datum_equals(row_get(row, column), row_get(other, column), &column->type)) {
            return false;
        }
    }
    return true;
}

// Writes a member `"UUID":UPDATE` of the difference of a table.
static void put_update(struct buf *out, struct uuid uuid, struct slice update)
{
    char text[UUID_TEXT_SIZE];

    buf_puts(out, out->data[out->size - 1] == '{' ? "\"" : ",\"");
    buf_puts(out, uuid_text(uuid, text));
    buf_puts(out, "\":");
    buf_put_slice(out, update);
}

// Writes the update of a row, unless our row has the same values.
static struct ovsdb_error *compare_row(struct loader *loader, const struct table_schema *schema,
                                       struct uuid uuid, struct slice update, struct slice columns)
{
    struct loading_table *table = &loader->loading->tables[schema->index];
    size_t i = find_row(table, uuid);
    bool is_equal = false;

    if (i != SIZE_MAX) {
        struct row *row = row_new(schema, uuid);
        struct ovsdb_error *error = apply_columns(row, columns, false, &loader->scratch);

        table->is_listed[i] = true;
        is_equal = !error && has_values(loader, row, table->rows[i]);
        row_unref(row);
        if (error) {
            return error;
        }
    }
    if (!is_equal) {
        put_update(&loader->loading->difference, uuid, update);
    }
    return NULL;
}

static void begin_table(struct buf *out, const char *name)
{
    buf_puts(out, out->size > 1 ? ",\"" : "\"");
    buf_puts(out, name);
    buf_puts(out, "\":{");
}

// Writes the end of the difference of a table: the deletion of the rows that the reply lacks.
static void end_table(struct loading *loading, size_t index)
{
    struct loading_table *table = &loading->tables[index];

    for (size_t i = 0; i < table->n; i++) {
        if (!table->is_listed[i]) {
            put_update(&loading->difference, table->rows[i]->uuid, SLICE("{\"delete\":null}"));
        }
    }
    buf_putc(&loading->difference, '}');
    table_done(table);
}

// The reply

static struct ovsdb_error *handle_row(struct loader *loader, const struct table_schema *table,
                                      struct uuid uuid, struct slice update)
{
    struct slice columns = json_member(update, "initial");

    if (!columns.data) {
        columns = json_member(update, "insert");
    }
    if (!columns.data) {
        return error_syntax(update, "initial contents must have \"initial\" rows only");
    }
    if (!(++loader->n_done % CHECK_EVERY) && is_canceled(loader->loading)) {
        return error_canceled();
    }
    return loader->loading->snapshot ? compare_row(loader, table, uuid, update, columns)
                                     : load_row(loader, table, uuid, columns);
}

static struct ovsdb_error *handle_rows(struct loader *loader, const struct table_schema *table,
                                       struct slice rows)
{
    struct cursor cursor;

    if (json_kind_of(rows) != JSON_KIND_OBJECT) {
        return error_syntax(rows, "a table update must be an object");
    }
    cursor_init(&cursor, rows);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &loader->scratch);
        struct ovsdb_error *error;
        struct uuid uuid;

        if (!uuid_parse(name, &uuid)) {
            return error_new(ERROR_SYNTAX, "\"" SLICE_FORMAT "\" is not a UUID", SLICE_ARGS(name));
        }
        error = handle_row(loader, table, uuid, cursor_skip(&cursor));
        if (error) {
            char text[UUID_TEXT_SIZE];

            error_prefix(error, "row %s: ", uuid_text(uuid, text));
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *handle_table(struct loader *loader, const struct table_schema *table,
                                        struct slice rows)
{
    struct loading *loading = loader->loading;
    struct ovsdb_error *error;

    if (loading->tables[table->index].is_done) {
        return error_new(ERROR_SYNTAX, "the contents have the table %s twice", table->name);
    }
    loading->tables[table->index].is_done = true;
    if (loading->snapshot) {
        sort_table(loading, table->index);
        begin_table(&loading->difference, table->name);
    }
    error = rows.data ? handle_rows(loader, table, rows) : NULL;
    if (loading->snapshot) {
        end_table(loading, table->index);
    }
    if (error) {
        error_prefix(error, "table %s, ", table->name);
    }
    return error;
}

static struct ovsdb_error *handle_tables(struct loader *loader, struct slice updates)
{
    struct loading *loading = loader->loading;
    struct cursor cursor;

    if (json_kind_of(updates) != JSON_KIND_OBJECT) {
        return error_syntax(updates, "table updates must be an object");
    }
    cursor_init(&cursor, updates);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &loader->scratch);
        const struct table_schema *table = schema_find_table(loader->schema, name);
        struct slice rows = cursor_skip(&cursor);
        struct ovsdb_error *error = table && loading->tables[table->index].is_wanted
                                        ? handle_table(loader, table, rows)
                                        : NULL;

        if (error) {
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *build(struct loader *loader, struct slice updates)
{
    struct loading *loading = loader->loading;
    const struct progress progress = {on_progress, loading};
    _cleanup_schema_ struct schema *schema = NULL;
    struct ovsdb_error *error = schema_from_text(text_slice(loading->ours->json), &schema);

    if (error) {
        return error; // never: our schema was parsed from this text
    }
    loader->schema = schema;
    loading->db = db_new(schema, loader->new_uuid);
    error = handle_tables(loader, updates);
    return error ? error : db_load_finish(loading->db, &progress);
}

static struct ovsdb_error *compare(struct loader *loader, struct slice updates)
{
    struct loading *loading = loader->loading;
    struct ovsdb_error *error;

    loader->schema = loading->ours;
    buf_putc(&loading->difference, '{');
    error = handle_tables(loader, updates);
    for (size_t i = 0; i < loading->ours->n_tables && !error; i++) {
        if (loading->tables[i].is_wanted && !loading->tables[i].is_done) {
            error = handle_table(loader, &loading->ours->tables[i], SLICE_EMPTY);
        }
    }
    buf_putc(&loading->difference, '}');
    loading->updates = buf_slice(&loading->difference);
    return error;
}

static struct ovsdb_error *handle_contents(struct loader *loader, struct slice updates)
{
    struct loading *loading = loader->loading;
    struct ovsdb_error *error =
        loading->snapshot ? compare(loader, updates) : build(loader, updates);

    buf_done(&loading->message); // freeing much memory takes long
    return error;
}

// The reply to monitor_cond_since: [<found>, <last transaction id>, <table-updates2>].
static struct ovsdb_error *handle_since(struct loader *loader, struct slice result)
{
    struct loading *loading = loader->loading;
    struct slice parts[3], id;

    if (json_cut(result, parts, 3) != 3 || !json_read_boolean(parts[0], &loading->is_found)) {
        return error_new(ERROR_SYNTAX,
                         "the reply to monitor_cond_since is not [found, last id, updates]");
    }
    if (!json_read_string(parts[1], &loader->scratch, &id) || !uuid_parse(id, &loading->txn_id)) {
        loading->txn_id = UUID_ZERO;
    }
    if (loading->is_found) {
        loading->updates = parts[2];
        return NULL;
    }
    return handle_contents(loader, parts[2]);
}

static struct ovsdb_error *handle_message(struct loader *loader)
{
    struct loading *loading = loader->loading;
    struct message message;
    const char *why = message_parse(buf_slice(&loading->message), &loader->scratch, &message);

    if (why || message.type != MESSAGE_REPLY) {
        return error_new(ERROR_SYNTAX, "the reply with the contents cannot be used: %s",
                         why ? why : "it is an error");
    }
    return loading->is_since ? handle_since(loader, message.result)
                             : handle_contents(loader, message.result);
}

void loading_run_mt(struct loading *loading, uuid_source *new_uuid)
{
    struct loader loader = {.loading = loading, .new_uuid = new_uuid};

    assert(loading->is_running && !loading->db && !loading->error);
    text_thread_begin();
    loading->error = handle_message(&loader);
    if (!loading->error && is_canceled(loading)) {
        loading->error = error_canceled();
    }
    if (loading->error) {
        db_free(TAKE_PTR(loading->db));
    }
    text_thread_end();
    buf_done(&loader.scratch);
}

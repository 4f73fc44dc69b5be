// SPDX-License-Identifier: Apache-2.0
// The operations that change rows: insert, update, mutate, delete (RFC 7047 5.2.1, 5.2.3 to 5.2.5).
#include "engine/authorize.h"
#include "engine/transact.h"
#include "json/emit.h"

#include <assert.h>

// Decides whether an operation may change rows. Every operation calls this after it has found the
// rows (in run->query, or the new row of an insert) and before it changes one.
static struct ovsdb_error *permit(struct run *run, const struct attempt *attempt)
{
    if (run->request->read_only) {
        return error_new(ERROR_NOT_ALLOWED, "%s is not allowed: this database is read-only here",
                         operation_name(attempt->operation->type));
    }
    if (attempt->mutations && !attempt->mutations->n) {
        return NULL; // a mutate without mutations changes nothing
    }
    return authorize(run, attempt);
}

static void put_count(struct run *run)
{
    buf_puts(run->result, "{\"count\":");
    emit_integer(run->result, (int64_t)run->query.n);
    buf_putc(run->result, '}');
}

// Insert

static void put_uuid(struct run *run, struct uuid uuid)
{
    buf_puts(run->result, "{\"uuid\":[\"uuid\",\"");
    uuid_format(uuid, buf_reserve(run->result, UUID_LEN));
    run->result->size += UUID_LEN;
    buf_puts(run->result, "\"]}");
}

// The UUID of a new row: from "uuid", else that of "uuid-name", else a new one.
static struct ovsdb_error *choose_uuid(struct run *run, const struct operation *operation,
                                       struct uuid *ret)
{
    struct slice given = operation->members[MEMBER_UUID];
    struct slice name = operation->members[MEMBER_UUID_NAME];
    struct uuid uuid = UUID_ZERO;

    if (given.data && !uuid_parse(json_decode_string(given, &run->scratch), &uuid)) {
        return error_syntax(given, "\"uuid\" is not a UUID");
    }
    if (name.data) {
        struct symbol *symbol =
            symbol_table_get(&run->symbols, json_decode_string(name, &run->scratch));

        if (symbol->created) {
            return error_syntax_tag(ERROR_DUPLICATE_UUID_NAME, name,
                                    "an earlier insert has the same \"uuid-name\"");
        }
        symbol->created = true;
        if (given.data && !uuid_equals(symbol->uuid, uuid)) {
            run->must_restart = symbol->referenced && !run->is_restarted;
            symbol->uuid = uuid;
        }
        uuid = symbol->uuid;
    } else if (!given.data) {
        uuid = run->db->new_uuid();
    }
    *ret = uuid;
    return NULL;
}

void run_learn_name(struct run *run, const struct operation *operation)
{
    struct slice given = operation->members[MEMBER_UUID];
    struct slice name = operation->members[MEMBER_UUID_NAME];
    struct symbol *symbol;
    struct uuid uuid;

    if (uuid_parse(json_decode_string(given, &run->scratch), &uuid)) {
        symbol = symbol_table_get(&run->symbols, json_decode_string(name, &run->scratch));
        if (!symbol->referenced) { // the first one counts; running a second one is an error
            symbol->referenced = true;
            symbol->uuid = uuid;
        }
    }
}

static void set_new(void *row, const struct column *column, union datum datum)
{
    if (column->index <= COLUMN_VERSION) {
        return; // chosen by the server; a UUID needs no release
    }
    row_set(row, column, datum);
}

// RFC 7047 5.2.1: a default that violates a constraint is an error like any other value.
static struct ovsdb_error *check_defaults(const struct table *table, const struct row *row)
{
    for (size_t i = 0; i < table->n_required; i++) {
        const struct column *column = table->required[i];
        union datum datum = row_get(row, column);
        struct ovsdb_error *error =
            datum_is_default(datum, &column->type) ? datum_check(datum, &column->type) : NULL;

        if (error) {
            error_prefix(error, "table %s, column %s: the default: ", table->schema->name,
                         column->name);
            return error;
        }
    }
    return NULL;
}

struct ovsdb_error *run_insert(struct run *run, const struct operation *operation)
{
    struct ovsdb_error *error;
    struct uuid uuid;
    struct row *row;

    error = choose_uuid(run, operation, &uuid);
    if (error) {
        return error;
    }
    row = txn_insert(run->txn, operation->table, uuid);
    if (!row) {
        return error_syntax_tag(ERROR_DUPLICATE_UUID, operation->members[MEMBER_UUID],
                                "the table has a row with this UUID, or had one that this "
                                "transaction deleted");
    }
    error = run_decode_row(run, operation->members[MEMBER_ROW], operation->table, set_new, row);
    error = error ? error : check_defaults(db_table_of(run->db, operation->table), row);
    error = error ? error : permit(run, &(struct attempt){.operation = operation, .inserted = row});
    if (!error) {
        put_uuid(run, uuid);
    }
    return error;
}

// Update

struct update {
    const struct column **columns;
    union datum *values;
    size_t n, capacity;
};

static void set_update(void *context, const struct column *column, union datum datum)
{
    struct update *update = context;

    if (update->n == update->capacity) {
        update->capacity = update->capacity ? update->capacity * 2 : 8;
        update->columns =
            xreallocarray(update->columns, update->capacity, sizeof(*update->columns));
        update->values = xreallocarray(update->values, update->capacity, sizeof(*update->values));
    }
    update->columns[update->n] = column;
    update->values[update->n++] = datum;
}

static void update_done(struct update *update)
{
    for (size_t i = 0; i < update->n; i++) {
        datum_done(update->values[i], &update->columns[i]->type);
    }
    free(update->columns);
    free(update->values);
}

static struct ovsdb_error *check_mutable(const struct update *update,
                                         const struct operation *operation)
{
    for (size_t i = 0; i < update->n; i++) {
        const struct column *column = update->columns[i];

        if (!column->is_mutable || column->index <= COLUMN_VERSION) {
            return operation_error(ERROR_CONSTRAINT, operation->text,
                                   "column %s of table %s is immutable and cannot be updated",
                                   column->name, operation->table->name);
        }
    }
    return NULL;
}

static void update_row(struct run *run, struct entry *entry, const struct update *update)
{
    struct table *table = db_table_of(run->db, entry_visible(entry)->table);

    assert(!run->request->read_only);
    for (size_t i = 0; i < update->n; i++) {
        const struct column *column = update->columns[i];

        if (!datum_equals(row_get(entry_visible(entry), column), update->values[i],
                          &column->type)) {
            row_set(txn_write(run->txn, table, entry), column,
                    datum_copy(update->values[i], &column->type));
        }
    }
}

struct ovsdb_error *run_update(struct run *run, const struct operation *operation)
{
    _cleanup_(update_done) struct update update = {0};
    struct ovsdb_error *error;

    error =
        run_decode_row(run, operation->members[MEMBER_ROW], operation->table, set_update, &update);
    error = error ? error : check_mutable(&update, operation);
    error = error ? error : run_where(run, operation);
    error = error ? error
                  : permit(run, &(struct attempt){.operation = operation,
                                                  .columns = update.columns,
                                                  .values = update.values,
                                                  .n_columns = update.n});
    if (error) {
        return error;
    }
    for (size_t i = 0; i < run->query.n; i++) {
        update_row(run, run->query.entries[i], &update);
    }
    put_count(run);
    return NULL;
}

// Mutate

static struct ovsdb_error *mutate_row(struct run *run, struct entry *entry,
                                      const struct mutations *mutations)
{
    struct table *table = db_table_of(run->db, entry_visible(entry)->table);

    for (size_t i = 0; i < mutations->n; i++) {
        const struct column *column = mutations->list[i].column;
        union datum old = row_get(entry_visible(entry), column), new;
        struct ovsdb_error *error = mutation_apply(&mutations->list[i], old, &new);

        if (error) {
            char uuid[UUID_TEXT_SIZE];

            error_prefix(error, "table %s, row %s, column %s: ", table->schema->name,
                         uuid_text(entry_visible(entry)->uuid, uuid), column->name);
            return error;
        }
        if (datum_equals(old, new, &column->type)) {
            datum_done(new, &column->type);
        } else {
            row_set(txn_write(run->txn, table, entry), column, new);
        }
    }
    return NULL;
}

struct ovsdb_error *run_mutate(struct run *run, const struct operation *operation)
{
    _cleanup_(mutations_done) struct mutations mutations = {0};
    struct ovsdb_error *error;

    error = mutations_decode(operation->members[MEMBER_MUTATIONS], operation->table, &run->symbols,
                             &run->scratch, &mutations);
    error = error ? error : run_where(run, operation);
    error = error ? error
                  : permit(run, &(struct attempt){.operation = operation, .mutations = &mutations});
    for (size_t i = 0; i < run->query.n && !error; i++) {
        error = mutate_row(run, run->query.entries[i], &mutations);
    }
    if (!error) {
        put_count(run);
    }
    return error;
}

// Delete

struct ovsdb_error *run_delete(struct run *run, const struct operation *operation)
{
    struct table *table = db_table_of(run->db, operation->table);
    struct ovsdb_error *error = run_where(run, operation);

    error = error ? error : permit(run, &(struct attempt){.operation = operation});
    if (error) {
        return error;
    }
    for (size_t i = 0; i < run->query.n; i++) {
        txn_remove(run->txn, table, run->query.entries[i]);
    }
    put_count(run);
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-client/restore_request.h"

#include "basic/hash.h"
#include "tools/row_values.h"
#include "json/cursor.h"
#include "json/emit.h"

#define COMMENT "restored by \"ovsdb-client restore\""

void restore_request_init(struct restore_request *request, struct db *wanted, bool knows_uuid)
{
    *request = (struct restore_request){.wanted = wanted, .knows_uuid = knows_uuid};
    buf_putc(&request->params, '[');
    emit_string(&request->params, slice_of(db_schema(wanted)->name));
    buf_puts(&request->params, ",{\"comment\":");
    emit_string(&request->params, SLICE(COMMENT));
    buf_puts(&request->params, ",\"op\":\"comment\"}");
}

void restore_request_done(struct restore_request *request)
{
    htable_done(&request->present);
    htable_done(&request->replaced);
    buf_done(&request->params);
}

static bool has_row(const struct htable *rows, const struct row *row)
{
    const struct row *found;

    HTABLE_FOREACH_WITH_HASH(found, rows, hash_mix((uintptr_t)row))
    {
        if (found == row) {
            return true;
        }
    }
    return false;
}

static void add_row(struct htable *rows, struct row *row)
{
    htable_insert(rows, hash_mix((uintptr_t)row), row);
}

static bool is_named(const struct restore_request *request, const struct row *row)
{
    return !has_row(&request->present, row) &&
           (!request->knows_uuid || has_row(&request->replaced, row));
}

size_t restore_request_columns(const struct table_schema *table, const struct column **ret)
{
    size_t n = 0;

    ret[n++] = &table->columns[COLUMN_UUID];
    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        if (!table->columns[i].is_mutable) {
            ret[n++] = &table->columns[i];
        }
    }
    return n;
}

static void begin_operation(struct restore_request *request, const char *op,
                            const struct table_schema *table)
{
    buf_printf(&request->params, ",{\"op\":\"%s\",\"table\":", op);
    emit_string(&request->params, slice_of(table->name));
}

// Appends an operation that fails if the server's rows are no longer `rows`.
static void put_wait(struct restore_request *request, const struct table_schema *table,
                     struct slice rows)
{
    _cleanup_free_ const struct column **columns =
        NEW_ARRAY(const struct column *, table->n_columns);
    size_t n = restore_request_columns(table, columns);
    struct buf *params = &request->params;

    begin_operation(request, "wait", table);
    buf_puts(params, ",\"timeout\":0,\"until\":\"==\",\"where\":[],\"columns\":[");
    for (size_t i = 0; i < n; i++) {
        buf_puts(params, i ? "," : "");
        emit_string(params, slice_of(columns[i]->name));
    }
    buf_puts(params, "],\"rows\":");
    buf_put_slice(params, rows);
    buf_putc(params, '}');
}

static void put_where(struct restore_request *request, struct uuid uuid)
{
    char text[UUID_TEXT_SIZE];

    buf_printf(&request->params, ",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"%s\"]]]",
               uuid_text(uuid, text));
}

static bool has_values(const struct row *row, const struct row_values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        const struct column *column = values->columns[i];

        if (!datum_equals(row_get(row, column), values->values[i], &column->type)) {
            return false;
        }
    }
    return true;
}

static void note_row(struct restore_request *request, const struct table_schema *table,
                     const struct row_values *values)
{
    struct uuid uuid = values->values[0].scalar.uuid;
    struct row *row = table_find(db_table(request->wanted, table), uuid);

    if (row && has_values(row, values)) {
        add_row(&request->present, row);
        return;
    }
    if (row) {
        add_row(&request->replaced, row);
    }
    begin_operation(request, "delete", table);
    put_where(request, uuid);
    buf_putc(&request->params, '}');
}

struct ovsdb_error *restore_request_note(struct restore_request *request,
                                         const struct table_schema *table, struct slice rows)
{
    const struct column **columns = NEW_ARRAY(const struct column *, table->n_columns);
    _cleanup_(row_values_done) struct row_values values = {0};
    struct ovsdb_error *error = NULL;
    struct cursor cursor;

    row_values_init(&values, columns, restore_request_columns(table, columns));
    put_wait(request, table, rows);
    cursor_init(&cursor, rows);
    for (bool more = cursor_enter(&cursor); more && !error; more = !error && cursor_more(&cursor)) {
        error = row_values_read_whole(&values, table, cursor_skip(&cursor));
        if (!error) {
            note_row(request, table, &values);
        }
    }
    return error;
}

static void put_name(struct buf *buf, const struct row *row)
{
    buf_printf(buf, "row_%u_%016lx%016lx", row->table->index, (unsigned long)row->uuid.hi,
               (unsigned long)row->uuid.lo);
}

static void put_atom(struct restore_request *request, union atom atom, const struct base_type *base)
{
    const struct table_schema *target = base->type == ATOM_UUID ? base->uuid.ref_table : NULL;
    const struct row *row =
        target ? table_find(db_table(request->wanted, target), atom.uuid) : NULL;

    if (row && is_named(request, row)) {
        buf_puts(&request->params, "[\"named-uuid\",\"");
        put_name(&request->params, row);
        buf_puts(&request->params, "\"]");
    } else {
        atom_put(&request->params, atom, base->type);
    }
}

// Appends a <value> as datum_put() does, but refers to rows with a new UUID by their name.
static void put_datum(struct restore_request *request, union datum datum, const struct type *type)
{
    struct buf *params = &request->params;
    bool is_map = type_is_map(type);
    struct elems_cursor cursor;
    const char *before = "";

    datum_start(&datum, type, &cursor);
    if (!is_map && datum_n(datum, type) == 1) {
        put_atom(request, *cursor.key, &type->key);
        return;
    }
    buf_puts(params, is_map ? "[\"map\",[" : "[\"set\",[");
    for (; cursor.key; elems_next(&cursor)) {
        buf_puts(params, before);
        before = ",";
        buf_puts(params, is_map ? "[" : "");
        put_atom(request, *cursor.key, &type->key);
        if (is_map) {
            buf_putc(params, ',');
            put_atom(request, *cursor.value, &type->value);
            buf_putc(params, ']');
        }
    }
    buf_puts(params, "]]");
}

// Appends the members of "row". A new row leaves out default values; an existing row gets the
// values of all mutable columns.
static void put_row(struct restore_request *request, const struct row *row, bool is_new)
{
    struct buf *params = &request->params;
    const char *separator = "";

    buf_puts(params, ",\"row\":{");
    for (size_t i = COLUMN_VERSION + 1; i < row->table->n_columns; i++) {
        const struct column *column = &row->table->columns[i];
        union datum datum = row_get(row, column);

        if (is_new ? datum_is_default(datum, &column->type) : !column->is_mutable) {
            continue;
        }
        buf_puts(params, separator);
        emit_string(params, slice_of(column->name));
        buf_putc(params, ':');
        put_datum(request, datum, &column->type);
        separator = ",";
    }
    buf_puts(params, "}}");
}

// Appends the operation for a wanted row. Returns true if the row gets a new UUID.
static bool put_wanted(struct restore_request *request, const struct row *row)
{
    bool is_present = has_row(&request->present, row);
    bool is_renamed = is_named(request, row);
    char uuid[UUID_TEXT_SIZE];

    begin_operation(request, is_present ? "update" : "insert", row->table);
    if (is_present) {
        put_where(request, row->uuid);
    } else if (is_renamed) {
        buf_puts(&request->params, ",\"uuid-name\":\"");
        put_name(&request->params, row);
        buf_putc(&request->params, '"');
    } else {
        buf_printf(&request->params, ",\"uuid\":\"%s\"", uuid_text(row->uuid, uuid));
    }
    put_row(request, row, !is_present);
    return is_renamed;
}

struct slice restore_request_end(struct restore_request *request, size_t *ret_n_renamed)
{
    const struct schema *schema = db_schema(request->wanted);
    size_t n_renamed = 0;

    for (size_t i = 0; i < schema->n_tables; i++) {
        const struct table *rows = db_table(request->wanted, &schema->tables[i]);
        const struct row *row;

        for (size_t state = 0; (row = table_next(rows, &state));) {
            n_renamed += put_wanted(request, row);
        }
    }
    buf_putc(&request->params, ']');
    *ret_n_renamed = n_renamed;
    return buf_slice(&request->params);
}

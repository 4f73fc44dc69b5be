// SPDX-License-Identifier: Apache-2.0
// Format: [SEQ, "LAST TRANSACTION", {"TABLE": {"UUID": [SEQ, {"COLUMN": VALUE, ...}], ...}, ...}],
// only with rows that have volatile state. The values are restored by a commit, which updates
// references and indexes. The seqs of the rows are set in a second pass after it.
#include "engine/volatile.h"

#include "engine/internal.h"
#include "json/cursor.h"
#include "json/emit.h"

static void put_values(struct buf *buf, const struct row *row)
{
    const struct table_schema *table = row->table;
    char separator = '{';

    for (size_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        const struct column *column = &table->columns[i];
        union datum value = row_get(row, column);

        if (!column->is_persistent && !datum_is_default(value, &column->type)) {
            buf_printf(buf, "%c\"%s\":", separator, column->name);
            datum_put(buf, value, &column->type);
            separator = ',';
        }
    }
    buf_puts(buf, separator == '{' ? "{}" : "}");
}

// Writes nothing for a row without volatile state.
static void put_row(struct buf *buf, const struct row *row)
{
    char uuid[UUID_TEXT_SIZE];
    size_t start = buf->size, values;

    buf_printf(buf, "\"%s\":[%llu,", uuid_text(row->uuid, uuid), (unsigned long long)row->seq);
    values = buf->size;
    put_values(buf, row);
    if (!row->seq && buf->size == values + strlen("{}")) {
        buf->size = start;
    } else {
        buf_puts(buf, "],");
    }
}

// Closes an object; removes the comma after its last member, if it has one.
static void end_object(struct buf *buf)
{
    buf->size -= buf->data[buf->size - 1] == ',';
    buf_putc(buf, '}');
}

void db_put_volatile(struct db *db, struct buf *buf)
{
    char id[UUID_TEXT_SIZE];

    buf_printf(buf, "[%llu,\"%s\",{", (unsigned long long)db->tail->seq,
               uuid_text(db->tail->txn_id, id));
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        const struct row *row;

        buf_printf(buf, "\"%s\":{", db->schema->tables[i].name);
        for (size_t state = 0; (row = table_next(db->tables[i], &state));) {
            put_row(buf, row);
        }
        end_object(buf);
        buf_putc(buf, ',');
    }
    end_object(buf);
    buf_putc(buf, ']');
}

struct restore {
    struct db *db;
    struct txn *txn; // first pass: restores values; NULL: second pass, sets seqs
    uint64_t max_seq;
    struct buf names, values; // scratch
};

static bool restore_value(struct restore *restore, struct cursor *cursor, struct row *row,
                          const struct column *column)
{
    struct ovsdb_error *error;
    union datum value;

    if (!column || column->index <= COLUMN_VERSION || column->is_persistent) {
        return false;
    }
    error = datum_decode(cursor, &column->type, DATUM_CHECK_ALL, NULL, &restore->values, &value);
    if (error) {
        error_free(error);
        return false;
    }
    row_set(row, column, value);
    return true;
}

static bool restore_values(struct restore *restore, struct slice values,
                           const struct table_schema *table, struct uuid uuid)
{
    struct row *row = NULL;
    struct cursor cursor;

    if (!values.data || json_kind_of(values) != JSON_KIND_OBJECT) {
        return false;
    }
    cursor_init(&cursor, values);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &restore->names);

        row = row ? row : txn_modify(restore->txn, table, uuid);
        if (!restore_value(restore, &cursor, row, table_schema_find_column(table, name))) {
            return false;
        }
    }
    return true;
}

// Restores the values of a row in the first pass, its seq in the second.
static bool restore_row(struct restore *restore, const struct table_schema *table,
                        struct slice name, struct slice json)
{
    struct slice parts[2];
    struct uuid uuid;
    struct row *row;
    uint64_t seq;

    if (!uuid_parse(name, &uuid) || json_cut(json, parts, 2) != 2 ||
        !json_read_count(parts[0], &seq) || seq > restore->max_seq) {
        return false;
    }
    row = table_find(db_table(restore->db, table), uuid);
    if (!row) {
        return false;
    }
    if (restore->txn) {
        return restore_values(restore, parts[1], table, uuid);
    }
    row->seq = seq; // I-3 does not hold yet: nothing else has read the row
    return true;
}

static bool restore_table(struct restore *restore, const struct table_schema *table,
                          struct slice rows)
{
    struct cursor cursor;

    if (!table || json_kind_of(rows) != JSON_KIND_OBJECT) {
        return false;
    }
    cursor_init(&cursor, rows);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &restore->names);

        if (!restore_row(restore, table, name, cursor_skip(&cursor))) {
            return false;
        }
    }
    return true;
}

static bool restore_tables(struct restore *restore, struct slice tables)
{
    struct cursor cursor;

    if (json_kind_of(tables) != JSON_KIND_OBJECT) {
        return false;
    }
    cursor_init(&cursor, tables);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &restore->names);
        const struct table_schema *table = schema_find_table(restore->db->schema, name);

        if (!restore_table(restore, table, cursor_skip(&cursor))) {
            return false;
        }
    }
    return true;
}

static bool restore_all_values(struct restore *restore, struct slice tables)
{
    struct changeset *changes;
    uint64_t position;
    bool is_ok;

    restore->txn = txn_new(restore->db);
    is_ok = restore_tables(restore, tables);
    if (is_ok) {
        struct ovsdb_error *error = txn_commit(restore->txn, false, &changes, &position);

        is_ok = !error;
        error_free(error);
    }
    txn_free(TAKE_PTR(restore->txn));
    return is_ok;
}

bool db_restore_volatile(struct db *db, struct slice json)
{
    struct restore restore = {.db = db};
    struct slice parts[3], id;
    struct uuid txn_id;
    bool is_ok = json_cut(json, parts, 3) == 3 && json_read_count(parts[0], &restore.max_seq) &&
                 json_read_string(parts[1], &restore.names, &id) && uuid_parse(id, &txn_id);

    is_ok = is_ok && restore_all_values(&restore, parts[2]) && restore_tables(&restore, parts[2]);
    db_commit_nothing(db, MAX(restore.max_seq, db->tail->seq) + 1, is_ok ? txn_id : db->new_uuid());
    buf_done(&restore.names);
    buf_done(&restore.values);
    return is_ok;
}

// SPDX-License-Identifier: Apache-2.0
// Applies records to a database that is being loaded, or to a transaction. The cursor walks the
// text once and decodes every value into its row.
#include "store/encode.h"

#include "engine/txn.h"
#include "store/store.h"

#include <assert.h>

#define PROGRESS_EVERY (4u << 20) // bytes

struct decoder {
    struct db *db;
    struct txn *txn; // decode_record_in(): the rows are those of the transaction
    struct slice record;
    struct decode_position *position;
    struct buf values; // of decoded strings
    struct buf names;  // of decoded names
    bool is_diff;
    bool is_diff_known;
    bool is_check; // decode_check(): the database is not changed
};

// Reads an annotation. Returns false, and does not move the cursor, if the member is a table.
static bool decode_annotation(struct cursor *cursor, struct slice name, struct buf *scratch,
                              struct record_info *info)
{
    enum json_kind kind = cursor_kind(cursor);
    int64_t integer;
    double real;

    if (slice_is(name, "_date") && kind == JSON_KIND_NUMBER) {
        bool is_valid = cursor_number(cursor, &integer, &real) && integer > 0;

        info->date_ms = is_valid ? (uint64_t)integer : 0;
        if (info->date_ms <= UINT32_MAX) {
            info->date_ms *= 1000; // very old files have seconds
        }
        return true;
    }
    if (slice_is(name, "_is_diff") && (kind == JSON_KIND_TRUE || kind == JSON_KIND_FALSE)) {
        info->is_diff = kind == JSON_KIND_TRUE;
        cursor_skip(cursor);
        return true;
    }
    if (slice_is(name, "_comment") && kind != JSON_KIND_OBJECT) {
        if (kind == JSON_KIND_STRING) {
            info->comment = cursor_string(cursor, scratch);
        } else {
            cursor_skip(cursor);
        }
        return true;
    }
    return false;
}

void decode_info(struct slice record, struct buf *scratch, struct record_info *ret)
{
    struct record_info info = {0};
    _cleanup_buf_ struct buf names = {0};
    struct cursor cursor;

    cursor_init(&cursor, record);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &names);

        if (!decode_annotation(&cursor, name, scratch, &info)) {
            cursor_skip(&cursor);
        }
    }
    *ret = info;
}

// "_is_diff" may be anywhere in the record. It is looked up when the first modified row is found.
static bool decoder_is_diff(struct decoder *decoder)
{
    if (!decoder->is_diff_known) {
        _cleanup_buf_ struct buf scratch = {0};
        struct record_info info;

        decode_info(decoder->record, &scratch, &info);
        decoder->is_diff = info.is_diff;
        decoder->is_diff_known = true;
    }
    return decoder->is_diff;
}

// Decodes the value, or the difference, of a column and sets it in the row.
static struct ovsdb_error *decode_value(struct decoder *decoder, struct cursor *cursor,
                                        const struct column *column, struct row *row, bool is_diff)
{
    const struct type *type = &column->type;
    struct ovsdb_error *error;
    union datum value;

    error = is_diff
                ? datum_decode_diff(cursor, row_get(row, column), type, &decoder->values, &value)
                : datum_decode(cursor, type, DATUM_CHECK_ALL, NULL, &decoder->values, &value);
    if (error) {
        return error;
    }
    if (decoder->is_check) {
        datum_done(value, type);
    } else {
        assert(row);
        row_set(row, column, value);
    }
    return NULL;
}

static struct ovsdb_error *decode_column(struct decoder *decoder, struct cursor *cursor,
                                         const struct table_schema *table, struct row *row,
                                         bool is_diff)
{
    struct slice name = cursor_name(cursor, &decoder->names);
    const struct column *column = table_schema_find_column(table, name);
    struct ovsdb_error *error;

    if (!column) {
        return error_new(ERROR_UNKNOWN_COLUMN, "there is no column \"" SLICE_FORMAT "\"",
                         SLICE_ARGS(name));
    }
    if (column->index <= COLUMN_VERSION) {
        cursor_skip(cursor); // _uuid is the key of the row; _version is not stored
        return NULL;
    }
    error = decode_value(decoder, cursor, column, row, is_diff);
    if (error) {
        error_prefix(error, "column %s: ", column->name);
    }
    return error;
}

static bool decoder_has_row(struct decoder *decoder, const struct table_schema *table,
                            struct uuid uuid)
{
    return decoder->txn ? txn_find(decoder->txn, table, uuid) != NULL
                        : table_find(db_table(decoder->db, table), uuid) != NULL;
}

// The row to modify, or a new one; sets *ret_is_new accordingly. NULL for a new row in
// decode_check(), and for one that the transaction has deleted.
static struct row *row_to_fill(struct decoder *decoder, const struct table_schema *table,
                               struct uuid uuid, bool *ret_is_new)
{
    if (decoder->txn) {
        *ret_is_new = !decoder_has_row(decoder, table, uuid);
        return *ret_is_new ? txn_insert(decoder->txn, table, uuid)
                           : txn_modify(decoder->txn, table, uuid);
    }
    if (decoder->is_check) {
        *ret_is_new = !decoder_has_row(decoder, table, uuid);
        return table_find(db_table(decoder->db, table), uuid);
    }
    return db_load_row(decoder->db, table, uuid, ret_is_new);
}

// Returns false if there is no such row.
static bool delete_row(struct decoder *decoder, const struct table_schema *table, struct uuid uuid)
{
    if (decoder->txn || decoder->is_check) {
        bool is_present = decoder_has_row(decoder, table, uuid);

        if (is_present && decoder->txn) {
            txn_delete(decoder->txn, table, uuid);
        }
        return is_present;
    }
    return db_load_delete(decoder->db, table, uuid);
}

static struct ovsdb_error *decode_row(struct decoder *decoder, struct cursor *cursor,
                                      const struct table_schema *table, struct uuid uuid)
{
    struct ovsdb_error *error = NULL;
    struct row *row;
    bool is_new, is_diff;

    if (cursor_kind(cursor) == JSON_KIND_NULL) {
        cursor_skip(cursor);
        return delete_row(decoder, table, uuid)
                   ? NULL
                   : error_new(ERROR_SYNTAX, "deletes a row that does not exist");
    }
    if (cursor_kind(cursor) != JSON_KIND_OBJECT) {
        return error_syntax(cursor_skip(cursor), "a row must be an object or null");
    }
    row = row_to_fill(decoder, table, uuid, &is_new);
    if (!row && !decoder->is_check) {
        return error_new(ERROR_DUPLICATE_UUID, "deletes and inserts the row");
    }
    is_diff = !is_new && decoder_is_diff(decoder);
    for (bool more = cursor_enter(cursor); more && !error; more = !error && cursor_more(cursor)) {
        error = decode_column(decoder, cursor, table, row, is_diff);
    }
    return error;
}

static struct ovsdb_error *decoder_report(struct decoder *decoder, const struct cursor *cursor)
{
    struct decode_position *position = decoder->position;
    uint64_t at = position->offset + (uint64_t)(cursor->p - decoder->record.data);
    int r = 0;

    if (UNLIKELY(at >= position->next_report)) {
        position->next_report = at + PROGRESS_EVERY;
        r = progress_step(position->progress, "loading", at, position->file_size);
    }
    return r ? error_io(-r, "interrupted") : NULL;
}

static struct ovsdb_error *decode_table(struct decoder *decoder, struct cursor *cursor,
                                        const struct table_schema *table)
{
    for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
        struct slice key = cursor_name(cursor, &decoder->names);
        struct ovsdb_error *error;
        char text[UUID_TEXT_SIZE];
        struct uuid uuid;

        if (!uuid_parse(key, &uuid)) {
            return error_new(ERROR_SYNTAX, "table %s: \"" SLICE_FORMAT "\" is no UUID of a row",
                             table->name, SLICE_ARGS(key));
        }
        error = decode_row(decoder, cursor, table, uuid);
        if (error) {
            error_prefix(error, "table %s, row %s: ", table->name, uuid_text(uuid, text));
            return error;
        }
        error = decoder_report(decoder, cursor);
        if (error) {
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *decode_member(struct decoder *decoder, struct cursor *cursor,
                                         struct buf *scratch, struct record_info *info)
{
    struct slice name = cursor_name(cursor, &decoder->names);
    const struct table_schema *table;

    if (decode_annotation(cursor, name, scratch, info)) {
        return NULL;
    }
    table = schema_find_table(db_schema(decoder->db), name);
    if (!table) {
        return error_new(ERROR_UNKNOWN_TABLE, "there is no table \"" SLICE_FORMAT "\"",
                         SLICE_ARGS(name));
    }
    if (cursor_kind(cursor) != JSON_KIND_OBJECT) {
        return error_syntax(cursor_skip(cursor), "table %s: an object is expected", table->name);
    }
    return decode_table(decoder, cursor, table);
}

static struct ovsdb_error *decode(struct decoder *decoder, struct buf *scratch,
                                  struct record_info *ret)
{
    struct record_info info = {0};
    struct ovsdb_error *error = NULL;
    struct cursor cursor;

    cursor_init(&cursor, decoder->record);
    for (bool more = cursor_enter(&cursor); more && !error; more = !error && cursor_more(&cursor)) {
        error = decode_member(decoder, &cursor, scratch, &info);
    }
    buf_done(&decoder->values);
    buf_done(&decoder->names);
    if (!error) {
        *ret = info;
    }
    return error;
}

struct ovsdb_error *decode_record(struct db *db, struct slice record,
                                  struct decode_position *position, struct buf *scratch,
                                  struct record_info *ret)
{
    struct decoder decoder = {.db = db, .record = record, .position = position};

    return decode(&decoder, scratch, ret);
}

struct ovsdb_error *decode_record_in(struct txn *txn, struct db *db, struct slice record,
                                     struct buf *scratch, struct record_info *ret)
{
    struct decode_position position = {.next_report = UINT64_MAX};
    struct decoder decoder = {.db = db, .txn = txn, .record = record, .position = &position};

    return decode(&decoder, scratch, ret);
}

struct ovsdb_error *decode_check(struct db *db, struct slice record,
                                 struct decode_position *position, struct buf *scratch)
{
    struct decoder decoder = {.db = db, .record = record, .position = position, .is_check = true};
    struct record_info info;

    return decode(&decoder, scratch, &info);
}

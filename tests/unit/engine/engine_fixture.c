// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

#include "basic/file.h"
#include "json/framer.h"

#include <stdio.h>

const char *fixture_schema_path;

struct db *fixture_new(void)
{
    _cleanup_buf_ struct buf text = {0};
    struct schema *schema = NULL;

    assert_int_equal(file_read(fixture_schema_path, &text), 0);
    assert_null(schema_from_text(buf_slice(&text), &schema));
    return fixture_new_with(schema);
}

struct db *fixture_new_with(struct schema *schema)
{
    struct db *db = db_new(schema, uuid_random);

    schema_unref(schema);
    return db;
}

const struct table_schema *fixture_table(const struct db *db, const char *name)
{
    const struct table_schema *table = schema_find_table(db_schema(db), slice_of(name));

    assert_non_null(table);
    return table;
}

const struct column *fixture_column(const struct db *db, const char *table, const char *name)
{
    const struct column *column =
        table_schema_find_column(fixture_table(db, table), slice_of(name));

    assert_non_null(column);
    return column;
}

struct uuid fixture_uuid(uint64_t n)
{
    return (struct uuid){n << 32 | 0x4000, 0x8000ull << 48};
}

void fixture_check(const struct db *db)
{
    _cleanup_free_ char *problem = db_check_structures(db);

    if (problem) {
        fail_msg("%s", problem);
    }
}

static void load_row(struct db *db, const struct row *row)
{
    bool is_new = false;
    struct row *copy = db_load_row(db, row->table, row->uuid, &is_new);

    assert_true(is_new);
    for (uint16_t i = COLUMN_VERSION + 1; i < row->table->n_columns; i++) {
        const struct column *column = &row->table->columns[i];

        row_set(copy, column, datum_copy(row_get(row, column), &column->type));
    }
}

struct db *fixture_reload(const struct db *db)
{
    struct db *copy = db_new(db_schema(db), uuid_random);
    const struct row *row;

    for (uint16_t i = 0; i < db_schema(db)->n_tables; i++) {
        const struct table *table = db_table(db, &db_schema(db)->tables[i]);

        for (size_t state = 0; (row = table_next(table, &state));) {
            load_row(copy, row);
        }
    }
    assert_null(db_load_finish(copy, NULL));
    fixture_check(copy);
    for (uint16_t i = 0; i < db_schema(db)->n_tables; i++) {
        const struct table *table = db_table(copy, &db_schema(db)->tables[i]);

        assert_int_equal(table_n_rows(table),
                         table_n_rows(db_table(db, &db_schema(db)->tables[i])));
    }
    return copy;
}

enum transact_status fixture_run_request(struct db *db, struct transact_request request,
                                         struct slice operations, struct buf *result,
                                         struct transact_result *ret)
{
    _cleanup_buf_ struct buf params = {0};
    enum transact_status status;
    struct ovsdb_error *error;
    const char *invalid;

    buf_printf(&params, "[\"lab\"%s" SLICE_FORMAT "]", operations.size ? "," : "",
               SLICE_ARGS(operations));
    invalid = framer_check(buf_slice(&params), SIZE_MAX, &request.params, NULL);
    if (invalid) {
        fail_msg("%s: %s", invalid, buf_cstr(&params));
    }
    error = transact_run(db, &request, result, &status, ret);
    assert_null(error);
    fixture_check(db);
    return status;
}

const char *fixture_run(struct db *db, const char *format, ...)
{
    static struct buf result;
    _cleanup_buf_ struct buf operations = {0};
    struct transact_request request = {0};
    struct transact_result ret;
    va_list args;

    va_start(args, format);
    buf_vprintf(&operations, format, args);
    va_end(args);
    buf_clear(&result);
    assert_int_equal(fixture_run_request(db, request, buf_slice(&operations), &result, &ret),
                     TRANSACT_DONE);
    return buf_cstr(&result);
}

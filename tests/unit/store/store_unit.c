// SPDX-License-Identifier: Apache-2.0
#include "store_unit.h"

#include "basic/file.h"
#include "engine/txn.h"
#include "store/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>

static char folder[64];

int enter_folder(void **state)
{
    strcpy(folder, "/tmp/store-test-XXXXXX");
    return !mkdtemp(folder) || chdir(folder) ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

int leave_folder(void **state)
{
    return chdir("/") || nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) ? -1 : 0;
}

void put_record(struct buf *file, const char *json)
{
    _cleanup_buf_ struct buf record = {0};
    uint8_t sha1[RECORD_ID_SIZE];

    record_begin(&record);
    buf_puts(&record, json);
    buf_put_slice(file, record_end(&record, sha1));
}

void put_schema(struct buf *file, const char *name)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(name);

    put_record(file, schema->json->data);
}

void write_file(const char *path, struct slice content)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(file_write_at(fd, content.data, content.size, 0), 0);
}

void read_file(const char *path, struct buf *ret)
{
    buf_clear(ret);
    assert_int_equal(file_read(path, ret), 0);
}

void create_database(void)
{
    _cleanup_buf_ struct buf file = {0};

    put_schema(&file, TEST_SCHEMA);
    write_file("d.db", buf_slice(&file));
}

void assert_ok(struct ovsdb_error *error)
{
    if (error) {
        _cleanup_free_ char *text = error_text(error);

        error_free(error);
        fail_msg("%s", text);
    }
}

void assert_error(struct ovsdb_error *error, const char *part)
{
    _cleanup_free_ char *text = NULL;

    assert_non_null(error);
    text = error_text(error);
    error_free(error);
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

struct store *open_store(enum store_mode mode, struct group_commit *group_commit)
{
    struct store *store = NULL;

    assert_ok(store_open("d.db", mode, group_commit, NULL, &store, NULL));
    return store;
}

static const struct table_schema *test_table(struct db *db)
{
    return schema_find_table(db_schema(db), SLICE("T"));
}

static void put_value(struct row *row, const char *name, const char *json)
{
    const struct column *column = table_schema_find_column(row->table, slice_of(name));
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    union datum value;

    cursor_init(&cursor, slice_of(json));
    assert_ok(datum_decode(&cursor, &column->type, DATUM_CHECK_ALL, NULL, &scratch, &value));
    row_set(row, column, value);
}

struct ovsdb_error *try_insert(struct db *db, const char *name, bool durable, struct uuid *ret_uuid,
                               uint64_t *ret_position)
{
    _cleanup_free_ char *json = xasprintf("\"%s\"", name);
    struct uuid uuid = uuid_random();
    struct changeset *changes;
    uint64_t position;
    struct txn *txn = txn_new(db);
    struct ovsdb_error *error;

    put_value(txn_insert(txn, test_table(db), uuid), "name", json);
    error = txn_commit(txn, durable, &changes, ret_position ? ret_position : &position);
    txn_free(txn);
    if (ret_uuid) {
        *ret_uuid = uuid;
    }
    return error;
}

struct uuid insert(struct db *db, const char *name)
{
    struct uuid uuid;

    assert_ok(try_insert(db, name, false, &uuid, NULL));
    return uuid;
}

void set_column(struct db *db, struct uuid uuid, const char *column, const char *json)
{
    struct changeset *changes;
    uint64_t position;
    struct txn *txn = txn_new(db);

    put_value(txn_modify(txn, test_table(db), uuid), column, json);
    assert_ok(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
}

void delete_row(struct db *db, struct uuid uuid)
{
    struct changeset *changes;
    uint64_t position;
    struct txn *txn = txn_new(db);

    txn_delete(txn, test_table(db), uuid);
    assert_ok(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
}

size_t count_rows(struct db *db)
{
    return table_n_rows(db_table(db, test_table(db)));
}

char *dump(struct db *db)
{
    struct buf buf = {0};

    record_begin(&buf);
    encode_snapshot(&buf, db, NULL, 0);
    // Without the space for the header and without the date.
    buf_consume(&buf, RECORD_HEADER_MAX + strlen("{\"_date\":0000000000000"));
    return buf_steal(&buf);
}

char *last_line(const char *path)
{
    _cleanup_buf_ struct buf file = {0};
    const char *p;

    read_file(path, &file);
    assert_true(file.size > 1);
    p = memrchr(file.data, '\n', file.size - 1);
    assert_non_null(p);
    return xstrndup(p + 1, (size_t)(file.data + file.size - 1 - (p + 1)));
}

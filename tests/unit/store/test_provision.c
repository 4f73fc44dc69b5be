// SPDX-License-Identifier: Apache-2.0
// A database file is created with a schema, or converted to it at the start of the server.
#include "store_unit.h"

#include "basic/log.h"
#include "store/provision.h"

#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *logged; // the last message of INFO and above

static void on_log(const struct log_record *record)
{
    if (record->level <= LOG_LEVEL_INFO) {
        free(logged);
        logged = xstrdup(record->message);
    }
}

static int begin(void **state)
{
    log_set_sink(on_log);
    return enter_folder(state);
}

static int end(void **state)
{
    log_set_sink(NULL);
    free(logged);
    logged = NULL;
    return leave_folder(state);
}

static void assert_logged(const char *part)
{
    assert_non_null(logged);
    assert_non_null(strstr(logged, part));
}

static void test_read_schema(void **state)
{
    _cleanup_free_ char *text = data_text(TEST_SCHEMA);
    _cleanup_schema_ struct schema *expected = schema_of_text(text);
    _cleanup_schema_ struct schema *schema = NULL;

    assert_error(provision_read_schema("none", &schema), "cannot read schema none: No such file");
    write_file("s", SLICE("{\"name\":5}"));
    assert_error(provision_read_schema("s", &schema), "s: ");
    assert_null(schema);
    write_file("s", slice_of(text));
    assert_ok(provision_read_schema("s", &schema));
    assert_true(schema_equals(schema, expected));
}

static void test_create(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(TEST_SCHEMA);
    _cleanup_buf_ struct buf content = {0};
    struct store *store;

    assert_ok(provision_create("d.db", schema));
    assert_logged("d.db: made, for database d");
    store = open_store(STORE_READ_ONLY, NULL);
    assert_true(schema_equals(db_schema(store_db(store)), schema));
    store_close(store);
    // A file that exists is left as it is, even if it is no database.
    write_file("d.db", SLICE("other"));
    assert_ok(provision_create("d.db", schema));
    read_file("d.db", &content);
    assert_slice_is(buf_slice(&content), "other");
    // A name that cannot be looked up is left to store_open(), too.
    assert_ok(provision_create("d.db/x", schema));
    assert_error(provision_create("none/d.db", schema), "none/d.db");
}

static size_t n_copies(void)
{
    glob_t found;
    size_t n;

    n = glob("d.db.backup*", 0, NULL, &found) ? 0 : found.gl_pathc;
    globfree(&found);
    return n;
}

static struct store *open_with_row(void)
{
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    return store;
}

static void test_converts_an_older_schema(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file("store/d-2.ovsschema");
    _cleanup_buf_ struct buf before = {0}, copy = {0};
    struct store *store = open_with_row();

    read_file("d.db", &before);
    assert_ok(provision_convert(store, schema, NULL));
    assert_logged("converted from schema version 1.0.0 to 2.0.0; the previous file is kept as ");
    assert_string_equal(db_schema(store_db(store))->version, "2.0.0");
    assert_int_equal(count_rows(store_db(store)), 1);
    assert_int_equal(n_copies(), 1);
    read_file(strstr(logged, "d.db.backup1.0.0-"), &copy);
    assert_int_equal(copy.size, before.size);
    assert_memory_equal(copy.data, before.data, copy.size);
    insert(store_db(store), "b");
    store_close(store);
    store = open_store(STORE_READ_ONLY, NULL);
    assert_int_equal(count_rows(store_db(store)), 2);
    store_close(store);
}

// None of these changes anything.
static void test_does_not_convert(void **state)
{
    static const struct {
        const char *file; // the schema, called `name`
        const char *name;
        const char *error; // NULL: none
        const char *message;
    } cases[] = {
        {TEST_SCHEMA, "d", NULL, NULL},
        {"store/d-0.9.ovsschema", "d", NULL, "has schema version 1.0.0, newer than 0.9.0"},
        {"store/d-2.ovsschema", "e", "holds the database d, but the schema is for e", NULL},
        {"store/d-3-strict.ovsschema", "d", "d.db: cannot be converted to version 3.0.0: ", NULL},
    };
    _cleanup_buf_ struct buf before = {0};
    struct store *store = open_with_row();
    struct uuid row = insert(store_db(store), "b");

    set_column(store_db(store), row, "n", "7"); // more than the strict schema allows
    read_file("d.db", &before);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_schema_ struct schema *schema = schema_of_file_named(cases[i].file, cases[i].name);
        _cleanup_buf_ struct buf after = {0};
        struct ovsdb_error *error;

        free(logged);
        logged = NULL;
        error = provision_convert(store, schema, NULL);
        if (cases[i].error) {
            assert_error(error, cases[i].error);
        } else {
            assert_ok(error);
        }
        if (cases[i].message) {
            assert_logged(cases[i].message);
        } else {
            assert_null(logged);
        }
        read_file("d.db", &after);
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.data, before.data, after.size);
        assert_int_equal(n_copies(), 0);
    }
    store_close(store);
}

// Without a copy of the file nothing is converted.
static void test_cannot_copy(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file("store/d-2.ovsschema");
    struct store *store = open_with_row();

    assert_int_equal(rename("d.db", "away"), 0);
    assert_error(provision_convert(store, schema, NULL), "d.db: cannot be opened: No such file");
    assert_string_equal(db_schema(store_db(store))->version, "1.0.0");
    assert_int_equal(rename("away", "d.db"), 0);
    assert_ok(provision_convert(store, schema, NULL));
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read_schema),      TEST(test_create),      TEST(test_converts_an_older_schema),
        TEST(test_does_not_convert), TEST(test_cannot_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

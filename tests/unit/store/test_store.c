// SPDX-License-Identifier: Apache-2.0
// A store: commits and their records, reopening, compaction, conversion.
#include "store_unit.h"

#include "basic/log.h"
#include "engine/txn.h"

#include <sys/stat.h>

// The record that a commit appends, without its date. Caller frees.
static char *written(void)
{
    _cleanup_free_ char *line = last_line("d.db");
    size_t n_date = strlen("{\"_date\":1700000000000");

    assert_int_equal(strncmp(line, "{\"_date\":", 9), 0);
    assert_true(strlen(line) > n_date);
    return xstrdup(line + n_date);
}

static void assert_written(struct uuid uuid, const char *columns)
{
    _cleanup_free_ char *line = written(), *expected = NULL;
    char text[UUID_TEXT_SIZE];

    expected = xasprintf(",\"_is_diff\":true,\"T\":{\"%s\":%s}}", uuid_text(uuid, text), columns);
    assert_string_equal(line, expected);
}

static size_t file_size(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

// Checks the record of each step, and that the file has the same rows at the end.
static void test_commits(void **state)
{
    struct store *store;
    struct db *db;
    _cleanup_free_ char *before = NULL, *after = NULL;
    struct uuid a, b;
    size_t size;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    db = store_db(store);
    assert_string_equal(store_path(store), "d.db");
    a = insert(db, "a\\\"");
    assert_written(a, "{\"name\":\"a\\\"\"}");
    b = insert(db, "");
    assert_written(b, "{}");
    set_column(db, a, "set", "[\"set\",[\"x\",\"y\"]]");
    assert_written(a, "{\"set\":[\"set\",[\"x\",\"y\"]]}");
    set_column(db, a, "set", "[\"set\",[\"y\",\"z\"]]");
    assert_written(a, "{\"set\":[\"set\",[\"x\",\"z\"]]}");
    set_column(db, a, "map", "[\"map\",[[\"k\",1],[\"l\",2]]]");
    set_column(db, a, "map", "[\"map\",[[\"k\",5],[\"m\",3]]]");
    assert_written(a, "{\"map\":[\"map\",[[\"k\",5],[\"l\",2],[\"m\",3]]]}");
    set_column(db, a, "opt", "\"o\"");
    set_column(db, a, "opt", "\"p\"");
    assert_written(a, "{\"opt\":\"p\"}");
    set_column(db, a, "opt", "[\"set\",[]]");
    assert_written(a, "{\"opt\":[\"set\",[]]}");
    set_column(db, a, "map1", "[\"map\",[[\"k\",1]]]");
    set_column(db, a, "map1", "[\"map\",[[\"k\",2]]]");
    assert_written(a, "{\"map1\":[\"map\",[[\"k\",2]]]}");
    set_column(db, a, "n", "7");
    assert_written(a, "{\"n\":7}");
    size = file_size("d.db");
    set_column(db, a, "eph", "7");
    assert_int_equal(file_size("d.db"), size);
    assert_false(uuid_is_zero(db_tail(db)->txn_id));
    delete_row(db, b);
    assert_written(b, "null");

    before = dump(db);
    store_close(store);
    store = open_store(STORE_READ_ONLY, NULL);
    after = dump(store_db(store));
    assert_string_equal(after, before);
    assert_int_equal(count_rows(store_db(store)), 1);
    store_close(store);
}

static void test_comment(void **state)
{
    struct store *store;
    struct changeset *changes;
    uint64_t position;
    struct txn *txn;
    _cleanup_free_ char *line = NULL;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    txn = txn_new(store_db(store));
    txn_add_comment(txn, SLICE("one \"two\""));
    txn_add_comment(txn, SLICE("three"));
    txn_insert(txn, schema_find_table(db_schema(store_db(store)), SLICE("T")), (struct uuid){1, 2});
    assert_ok(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
    line = written();
    assert_string_equal(line,
                        ",\"_is_diff\":true,\"_comment\":\"one \\\"two\\\"\\nthree\",\"T\":{"
                        "\"00000000-0000-0001-0000-000000000002\":{}}}");
    store_close(store);
}

// A transaction's id is the same after a restart and after a compaction.
static void test_txn_id(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    struct store *store;
    struct uuid id, row;
    char text[UUID_TEXT_SIZE];
    const char *p;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    row = insert(store_db(store), "a");
    id = db_tail(store_db(store))->txn_id;
    store_close(store);
    read_file("d.db", &file);
    p = memmem(file.data, file.size, "{\"_date\"", 8);
    p -= 41;
    uuid_text(id, text);
    assert_memory_equal(p, text, 8); // the hash in the header begins with it

    store = open_store(STORE_READ_WRITE, NULL);
    assert_true(uuid_equals(db_tail(store_db(store))->txn_id, id));
    assert_ok(store_compact(store, NULL));
    assert_true(uuid_equals(db_tail(store_db(store))->txn_id, id));
    store_close(store);
    store = open_store(STORE_READ_WRITE, NULL);
    assert_true(uuid_equals(db_tail(store_db(store))->txn_id, id));
    // A value that changes and changes back repeats the same changes, but not the same record.
    for (int i = 0; i < 600; i++) {
        struct uuid previous = db_tail(store_db(store))->txn_id;

        set_column(store_db(store), row, "opt", i % 2 ? "[\"set\",[]]" : "\"x\"");
        assert_false(uuid_equals(db_tail(store_db(store))->txn_id, previous));
    }
    store_close(store);
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_compare(*(const struct uuid *)a, *(const struct uuid *)b);
}

static void test_txn_ids_differ(void **state)
{
    struct uuid ids[1000], row;
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    row = insert(store_db(store), "a");
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        // The difference is {x} each time.
        set_column(store_db(store), row, "set", i % 2 ? "[\"set\",[]]" : "\"x\"");
        ids[i] = db_tail(store_db(store))->txn_id;
    }
    qsort(ids, ARRAY_SIZE(ids), sizeof(ids[0]), compare_ids);
    for (size_t i = 1; i < ARRAY_SIZE(ids); i++) {
        assert_false(uuid_equals(ids[i - 1], ids[i]));
    }
    store_close(store);
}

static void test_read_only(void **state)
{
    struct store *writer, *reader;
    size_t size;

    create_database();
    writer = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(writer), "a");
    assert_error(store_open("d.db", STORE_READ_WRITE, NULL, NULL, &reader, NULL),
                 "this process has it open already");
    reader = open_store(STORE_READ_ONLY, NULL);
    size = file_size("d.db");
    insert(store_db(reader), "b"); // in memory
    assert_int_equal(count_rows(store_db(reader)), 2);
    assert_int_equal(file_size("d.db"), size);
    assert_error(store_compact(reader, NULL), "open for reading only");
    assert_false(store_wants_compaction(reader, clock_monotonic()));
    store_close(reader);
    store_close(writer);
    store_close(NULL);
}

static void test_compact(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    _cleanup_free_ char *before = NULL, *after = NULL, *again = NULL;
    struct store *store;
    struct uuid row;
    struct stat st;

    create_database();
    assert_int_equal(chmod("d.db", 0604), 0);
    assert_int_equal(symlink("d.db", "link.db"), 0);
    write_file("d.db.tmp", SLICE("left over"));
    assert_ok(store_open("link.db", STORE_READ_WRITE, NULL, NULL, &store, NULL));
    assert_int_equal(access(".d.db.~lock~", F_OK), 0);
    row = insert(store_db(store), "a");
    set_column(store_db(store), row, "eph", "5");
    insert(store_db(store), "b");
    delete_row(store_db(store), insert(store_db(store), "c"));
    before = dump(store_db(store));
    assert_ok(store_compact(store, NULL));
    read_file("d.db", &file);
    assert_null(memmem(file.data, file.size, "\"c\"", 3));
    assert_null(memmem(file.data, file.size, "\"eph\":5", 7));
    assert_int_equal(lstat("link.db", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat("d.db", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_int_equal(access("d.db.tmp", F_OK), -1);

    // The store uses the new file.
    insert(store_db(store), "d");
    after = dump(store_db(store));
    store_close(store);
    store = open_store(STORE_READ_ONLY, NULL);
    again = dump(store_db(store));
    assert_string_equal(again, after);
    assert_string_not_equal(again, before);
    store_close(store);
}

// Every compaction results in the same two records.
static void test_compact_twice(void **state)
{
    _cleanup_buf_ struct buf one = {0}, two = {0};
    struct store *store;
    size_t n = 0;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    for (int i = 0; i < 100; i++) {
        insert(store_db(store), "x");
    }
    assert_ok(store_compact(store, NULL));
    read_file("d.db", &one);
    assert_ok(store_compact(store, NULL));
    read_file("d.db", &two);
    store_close(store);
    assert_int_equal(one.size, two.size);
    for (size_t i = 0; i < one.size; i++) {
        n += one.data[i] == '\n';
    }
    assert_int_equal(n, 4);
}

static void test_wants_compaction(void **state)
{
    const usec_t minute = 60 * USEC_PER_SEC;
    struct store *store;
    usec_t now;
    char *big = xmalloc(120001);

    memset(big, 'x', 120000);
    big[120000] = '\0';
    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    now = clock_monotonic();
    for (int i = 0; i < 99; i++) {
        insert(store_db(store), big);
    }
    assert_false(store_wants_compaction(store, now + 25 * 60 * minute)); // 99 records
    insert(store_db(store), "");
    assert_false(store_wants_compaction(store, now + 9 * minute));
    assert_true(store_wants_compaction(store, now + 11 * minute)); // 12 MB
    assert_ok(store_compact(store, NULL));
    now = clock_monotonic();
    assert_false(store_wants_compaction(store, now + 11 * minute));
    for (int i = 0; i < 100; i++) {
        insert(store_db(store), "");
    }
    assert_false(store_wants_compaction(store, now + 11 * minute)); // not twice the size
    assert_false(store_wants_compaction(store, now + 23 * 60 * minute));
    assert_true(store_wants_compaction(store, now + 24 * 60 * minute + minute));
    store_close(store);
    // The id survives a restart.
    store = open_store(STORE_READ_WRITE, NULL);
    now = clock_monotonic();
    assert_false(store_wants_compaction(store, now + 11 * minute));
    assert_true(store_wants_compaction(store, now + 24 * 60 * minute + minute));
    store_close(store);
    free(big);
}

static void test_create(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(TEST_SCHEMA);
    struct store *store;
    struct stat st;

    umask(022);
    assert_ok(store_create("d.db", schema));
    assert_int_equal(stat("d.db", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_error(store_create("d.db", schema), "d.db: cannot be created: File exists");
    assert_error(store_create("nope/d.db", schema), "No such file or directory");
    store = open_store(STORE_READ_WRITE, NULL);
    assert_true(schema_equals(db_schema(store_db(store)), schema));
    insert(store_db(store), "a");
    assert_ok(store_write_copy(store_db(store), "copy.db", "why \"not\"", NULL));
    assert_error(store_write_copy(store_db(store), "copy.db", NULL, NULL), "File exists");
    store_close(store);
    assert_ok(store_open("copy.db", STORE_READ_WRITE, NULL, NULL, &store, NULL));
    assert_int_equal(count_rows(store_db(store)), 1);
    store_close(store);
}

static void test_convert(void **state)
{
    // "opt" becomes a set, "map" gets reals, "set" is dropped, "new" is added, "n" has no limits.
    _cleanup_schema_ struct schema *schema = schema_of_file("store/convert.ovsschema");
    _cleanup_free_ char *before = NULL;
    struct store *store;
    struct uuid row;
    struct db *db;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    row = insert(store_db(store), "a");
    set_column(store_db(store), row, "opt", "\"o\"");
    set_column(store_db(store), row, "set", "\"s\"");
    set_column(store_db(store), row, "map", "[\"map\",[[\"k\",1]]]");
    assert_ok(store_convert(store_db(store), schema, NULL, &db));
    assert_int_equal(count_rows(store_db(store)), 1);
    before = dump(db);
    assert_non_null(strstr(before, "{\"map\":[\"map\",[[\"k\",1]]],\"name\":\"a\",\"opt\":\"o\"}"));
    assert_ok(store_replace(store, db, "converted", NULL));
    insert(store_db(store), "b");
    store_close(store);
    store = open_store(STORE_READ_WRITE, NULL);
    assert_string_equal(db_schema(store_db(store))->version, "2.0.0");
    assert_int_equal(count_rows(store_db(store)), 2);
    store_close(store);
}

static void test_convert_errors(void **state)
{
    _cleanup_tree_ json_t *cases = data_tree("store/convert-errors.json");
    const json_t *item;
    size_t i;
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "same");
    insert(store_db(store), "same");
    assert_int_equal(json_array_size(cases), 4);
    json_array_foreach(cases, i, item)
    {
        _cleanup_schema_ struct schema *schema = schema_of_tree(json_object_get(item, "schema"));
        struct db *db;

        assert_error(store_convert(store_db(store), schema, NULL, &db),
                     json_string_value(json_object_get(item, "error")));
        assert_int_equal(count_rows(store_db(store)), 2);
    }
    store_close(store);
}

static char *warning;

static void keep_warning(const struct log_record *record)
{
    if (record->level <= LOG_LEVEL_WARN) {
        assert_null(warning);
        warning = xstrdup(record->message);
        assert_true(!record->message_id || strlen(record->message_id) == 32);
    }
}

static void assert_file_is(const char *path, const char *content)
{
    _cleanup_buf_ struct buf file = {0};

    read_file(path, &file);
    assert_slice_is(buf_slice(&file), content);
}

// A torn record is cut off with a warning that has its offset, and a copy is kept. In the mode
// STORE_READ_ONLY the file is not changed.
static void test_torn(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    _cleanup_free_ char *offset = NULL;
    struct store *store;
    size_t size;

    create_database();
    size = file_size("d.db");
    offset = xasprintf("record 1 at offset %zu", size);
    put_schema(&file, TEST_SCHEMA);
    buf_puts(&file, "OVSDB JSON 1");
    write_file("d.db", buf_slice(&file));
    log_set_sink(keep_warning);
    store = open_store(STORE_READ_ONLY, NULL);
    assert_non_null(strstr(warning, "ignored the last 12 bytes"));
    free(TAKE_PTR(warning));
    assert_int_equal(file_size("d.db"), size + 12);
    store_close(store);
    store = open_store(STORE_READ_WRITE, NULL);
    assert_non_null(warning);
    assert_non_null(strstr(warning, offset));
    assert_non_null(strstr(warning, "cut off the last 12 bytes"));
    assert_non_null(strstr(warning, "d.db.torn-"));
    free(TAKE_PTR(warning));
    assert_int_equal(file_size("d.db"), size);
    free(offset);
    offset = xasprintf("d.db.torn-%zu", size);
    assert_file_is(offset, "OVSDB JSON 1");
    insert(store_db(store), "a");
    store_close(store);
    store = open_store(STORE_READ_WRITE, NULL);
    assert_null(warning);
    assert_int_equal(count_rows(store_db(store)), 1);
    store_close(store);
    log_set_sink(NULL);
}

// At any byte at which writing stopped, the whole records are loaded, and new records follow them.
static void test_torn_everywhere(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    struct store *store;
    size_t ends[4], n = 0;

    create_database();
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    store = open_store(STORE_READ_WRITE, NULL);
    ends[0] = file_size("d.db");
    for (size_t i = 1; i < ARRAY_SIZE(ends); i++) {
        insert(store_db(store), "a");
        ends[i] = file_size("d.db");
    }
    store_close(store);
    read_file("d.db", &file);
    for (size_t cut = ends[0]; cut < file.size; cut++) {
        n += cut == ends[n + 1];
        write_file("d.db", (struct slice){file.data, cut});
        store = open_store(STORE_READ_WRITE, NULL);
        assert_int_equal(count_rows(store_db(store)), n);
        assert_int_equal(file_size("d.db"), ends[n]);
        insert(store_db(store), "b");
        store_close(store);
        store = open_store(STORE_READ_ONLY, NULL);
        assert_int_equal(count_rows(store_db(store)), n + 1);
        store_close(store);
    }
    assert_int_equal(n, 2);
    log_set_level(NULL, -1, LOG_LEVEL_WARN);
}

// A damaged file is rejected and not changed: also if the last record is damaged, if a record
// cannot be applied, and if rows violate the schema.
static void test_damage(void **state)
{
    static const char *const last_records[] = {
        "{\"_date\":2",
        "[]",
        "{\"Nope\":{}}",
        "{\"T\":{\"11111111-1111-4111-8111-111111111111\":{\"nope\":1}}}",
        "{\"T\":{\"11111111-1111-4111-8111-111111111111\":{\"n\":1001}}}",
        "{\"T\":{\"11111111-1111-4111-8111-111111111111\":null}}",
        NULL, // a changed byte
    };
    struct store *store;

    for (size_t i = 0; i < ARRAY_SIZE(last_records); i++) {
        _cleanup_buf_ struct buf file = {0}, after = {0};
        struct ovsdb_error *error;
        bool is_damaged = false;

        put_schema(&file, TEST_SCHEMA);
        put_record(&file, last_records[i] ? last_records[i] : "{\"_date\":1}");
        file.data[file.size - 3] ^= last_records[i] ? 0 : 1;
        write_file("d.db", buf_slice(&file));
        error = store_open("d.db", STORE_READ_WRITE, NULL, NULL, &store, &is_damaged);
        assert_non_null(error);
        assert_true(is_damaged);
        assert_error(error, "d.db: record 1 at offset");
        assert_error(store_open("d.db", STORE_READ_ONLY, NULL, NULL, &store, NULL),
                     "the file is damaged: \"ovsdb-tool check d.db\" tells what is whole, "
                     "\"ovsdb-tool recover d.db NEW\"");
        read_file("d.db", &after);
        assert_true(slice_equals(buf_slice(&after), buf_slice(&file)));
    }
    assert_error(store_open("nope.db", STORE_READ_WRITE, NULL, NULL, &store, NULL),
                 "nope.db: cannot be opened: No such file");
    assert_int_equal(access(".nope.db.~lock~", F_OK), -1);
}

static void test_damaged_schema(void **state)
{
    _cleanup_buf_ struct buf file = {0};
    struct store *store;

    put_schema(&file, TEST_SCHEMA);
    write_file("d.db", (struct slice){file.data, file.size - 10});
    for (enum store_mode mode = STORE_READ_ONLY; mode <= STORE_RECOVER; mode++) {
        assert_error(store_open("d.db", mode, NULL, NULL, &store, NULL),
                     "without its schema the file holds no database");
        assert_int_equal(file_size("d.db"), file.size - 10);
    }
}

// In the mode STORE_RECOVER the store begins with the whole prefix, and the damaged file is kept.
static void test_recover(void **state)
{
    _cleanup_buf_ struct buf file = {0}, copy = {0}, again = {0};
    struct store *store;
    size_t whole;

    put_schema(&file, TEST_SCHEMA);
    put_record(&file, "{\"T\":{\"11111111-1111-4111-8111-111111111111\":{}}}");
    whole = file.size;
    put_record(&file, "{\"T\":{\"22222222-2222-4222-8222-222222222222\":{}}}");
    file.data[file.size - 3] ^= 1;
    put_record(&file, "{\"T\":{\"33333333-3333-4333-8333-333333333333\":{}}}");
    write_file("d.db", buf_slice(&file));
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    store = open_store(STORE_RECOVER, NULL);
    assert_int_equal(count_rows(store_db(store)), 1);
    assert_int_equal(file_size("d.db"), whole);
    assert_non_null(strstr(store_recovery(store), "d.db.damaged"));
    read_file("d.db.damaged", &copy);
    assert_true(slice_equals(buf_slice(&copy), buf_slice(&file)));
    insert(store_db(store), "a");
    store_close(store);
    // The same damaged file needs no second copy; another damaged file gets its own.
    write_file("d.db", buf_slice(&file));
    store = open_store(STORE_RECOVER, NULL);
    store_close(store);
    assert_int_equal(access("d.db.damaged.1", F_OK), -1);
    buf_puts(&file, " ");
    write_file("d.db", buf_slice(&file));
    store = open_store(STORE_RECOVER, NULL);
    store_close(store);
    read_file("d.db.damaged.1", &again);
    assert_true(slice_equals(buf_slice(&again), buf_slice(&file)));
    store = open_store(STORE_RECOVER, NULL);
    assert_null(store_recovery(store));
    store_close(store);
    log_set_level(NULL, -1, LOG_LEVEL_WARN);
}

static bool is_durable(struct store *store)
{
    return position_is_durable(db_last_position(store_db(store)));
}

static void test_durable(void **state)
{
    struct group_commit *group_commit = group_commit_new(NULL, NULL);
    struct store *store;
    uint64_t position;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    assert_ok(try_insert(store_db(store), "a", false, NULL, &position));
    assert_int_equal(position, 0);
    assert_true(is_durable(store));
    assert_ok(try_insert(store_db(store), "a", true, NULL, &position));
    assert_int_equal(position, 1);
    assert_false(is_durable(store));
    group_commit_flush(group_commit);
    assert_true(is_durable(store));
    assert_ok(try_insert(store_db(store), "a", true, NULL, &position));
    assert_int_equal(position, 2);
    assert_false(is_durable(store));
    assert_ok(store_compact(store, NULL)); // syncs everything
    group_commit_drain(group_commit);
    assert_true(is_durable(store));
    store_close(store);
    group_commit_free(group_commit);
}

static void on_settled(struct position_waiter *waiter, bool is_lost)
{
    assert_false(is_lost);
    waiter->settled = NULL;
}

// A store that is closed settles all its positions.
static void test_durable_when_closed(void **state)
{
    struct group_commit *group_commit = group_commit_new(NULL, NULL);
    struct position_waiter waiter;
    struct store *store;

    create_database();
    store = open_store(STORE_READ_WRITE, group_commit);
    assert_ok(try_insert(store_db(store), "a", true, NULL, NULL));
    position_wait(db_last_position(store_db(store)), &waiter, on_settled);
    store_close(store);
    assert_null(waiter.settled);
    group_commit_free(group_commit);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_commits),         TEST(test_comment),          TEST(test_txn_id),
        TEST(test_txn_ids_differ),  TEST(test_read_only),        TEST(test_compact),
        TEST(test_compact_twice),   TEST(test_wants_compaction), TEST(test_create),
        TEST(test_convert),         TEST(test_convert_errors),   TEST(test_torn),
        TEST(test_torn_everywhere), TEST(test_damage),           TEST(test_damaged_schema),
        TEST(test_recover),         TEST(test_durable),          TEST(test_durable_when_closed),
    };

    log_set_level(NULL, -1, LOG_LEVEL_WARN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

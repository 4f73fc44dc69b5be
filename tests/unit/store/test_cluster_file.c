// SPDX-License-Identifier: Apache-2.0
// Loads files of another implementation's members (tests/data/cluster), whole and cut at every
// byte, and makes new files.
#include "store_unit.h"

#include "cluster/agreement.h"
#include "store/cluster_file.h"
#include "store/cluster_new.h"
#include "json/emit.h"

static char *data_folder;

static char *data_path(const char *name)
{
    return xasprintf("%s/../cluster/%s", data_folder, name);
}

static struct cluster_file *load(const char *name)
{
    char *path = data_path(name);
    struct cluster_file *file;

    assert_ok(cluster_file_load(path, NULL, &file));
    free(path);
    return file;
}

static size_t count(const struct db *db)
{
    return table_n_rows(db_table((struct db *)db, &db_schema(db)->tables[0]));
}

static void test_members(void **state)
{
    static const struct {
        const char *name;
        uint64_t n_records, last_index, commit_index, term;
        size_t n_servers, n_rows;
        bool has_left;
    } cases[] = {
        {"member-a.db", 33, 16, 16, 2, 2, 4, false},
        {"member-b.db", 9, 16, 16, 3, 2, 4, false},
        {"member-c.db", 27, 14, 14, 2, 3, 3, true},
    };
    struct cluster_file *files[ARRAY_SIZE(cases)];
    struct agreement_member members[ARRAY_SIZE(cases)];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct member_log *log;
        struct db *db;

        files[i] = load(cases[i].name);
        log = cluster_file_log(files[i]);
        members[i] = (struct agreement_member){cases[i].name, log};
        assert_int_equal(cluster_file_n_records(files[i]), cases[i].n_records);
        assert_null(cluster_file_torn(files[i]));
        assert_int_equal(member_log_last_index(log), cases[i].last_index);
        assert_int_equal(log->commit_index, cases[i].commit_index);
        assert_int_equal(log->term, cases[i].term);
        assert_int_equal(member_log_servers(log)->n, cases[i].n_servers);
        assert_int_equal(member_log_election_timer(log), 2000);
        assert_int_equal(log->has_left, cases[i].has_left);
        assert_ok(cluster_file_build(files[i], &db));
        assert_string_equal(db_schema(db)->version, "2.0.0");
        assert_int_equal(count(db), cases[i].n_rows);
        db_free(db);
    }
    assert_ok(agreement_check(members, ARRAY_SIZE(members)));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cluster_file_close(files[i]);
    }
}

static void test_joining(void **state)
{
    struct cluster_file *file = load("joining.db");
    const struct file_header *header = &cluster_file_log(file)->header;

    assert_false(file_header_is_member(header));
    assert_string_equal(header->remote_addresses[0], "tcp:127.0.0.1:7701");
    assert_string_equal(header->name, "ordinals");
    cluster_file_close(file);
}

// Each record of the other implementation is written as it reads, but for the order of members.
static void test_records_are_written_back(void **state)
{
    _cleanup_free_ char *path = data_path("member-a.db");
    _cleanup_reader_ struct reader *reader = NULL;
    struct reader_record record;

    assert_ok(reader_open_any(path, &reader));
    assert_true(reader_is_clustered(reader));
    while (reader_next(reader, &record) == READER_RECORD) {
        _cleanup_buf_ struct buf put = {0}, again = {0}, expected = {0};
        struct file_header header = {0};
        struct file_record decoded = {0};

        if (record.number) {
            assert_ok(file_record_decode(record.text, &decoded));
            file_record_put(&put, &decoded);
        } else {
            assert_ok(file_header_decode(record.text, &header));
            file_header_put(&put, &header);
        }
        emit_canonical(&again, buf_slice(&put));
        emit_canonical(&expected, record.text);
        assert_slice_is(buf_slice(&again), buf_cstr(&expected));
        file_header_done(&header);
        file_record_done(&decoded);
    }
}

// A cut file is one with less records, or with a torn one at its end.
static void test_cut_at_every_byte(void **state)
{
    _cleanup_free_ char *path = data_path("member-b.db");
    _cleanup_buf_ struct buf content = {0};
    uint64_t n_before = 1;

    read_file(path, &content);
    for (size_t size = 1; size < content.size; size++) {
        struct cluster_file *file = NULL;
        struct ovsdb_error *error;

        write_file("cut.db", (struct slice){content.data, size});
        error = cluster_file_load("cut.db", NULL, &file);
        if (error) {
            assert_int_equal(n_before, 1); // inside the first record
            error_free(error);
            continue;
        }
        assert_in_range(cluster_file_n_records(file), n_before, n_before + 1);
        assert_int_equal(cluster_file_size(file) < size, cluster_file_torn(file) != NULL);
        n_before = cluster_file_n_records(file);
        cluster_file_close(file);
    }
    assert_int_equal(n_before, 8);
}

static void test_damage(void **state)
{
    _cleanup_free_ char *path = data_path("member-b.db");
    _cleanup_buf_ struct buf content = {0};
    struct cluster_file *file;

    read_file(path, &content);
    content.data[content.size - 5] ^= 1;
    write_file("damaged.db", buf_slice(&content));
    assert_error(cluster_file_load("damaged.db", NULL, &file),
                 "damaged.db: record 8 at offset 1993: its SHA-1 hash is not the one");
    create_database();
    assert_error(cluster_file_open("d.db", NULL, &file), "d.db: not a clustered database");
    assert_error(cluster_file_open("nope.db", NULL, &file), "nope.db: cannot be opened");
}

// A file of another kind ends in the middle of the file of a cluster.
static void test_mixed_kinds(void **state)
{
    _cleanup_free_ char *path = data_path("joining.db");
    _cleanup_buf_ struct buf content = {0};
    struct cluster_file *file;

    read_file(path, &content);
    put_schema(&content, TEST_SCHEMA);
    write_file("mixed.db", buf_slice(&content));
    assert_error(cluster_file_load("mixed.db", NULL, &file),
                 "mixed.db: record 1 at offset 261: there is no header line");
}

static void test_new_cluster(void **state)
{
    struct store *store;
    struct cluster_new new = {.address = "tcp:127.0.0.1:1", .election_timer = 500};
    const struct member_log *log;
    struct cluster_file *file;
    char *before, *after;
    struct db *db;

    create_database();
    store = open_store(STORE_READ_WRITE, NULL);
    insert(store_db(store), "a");
    insert(store_db(store), "b");
    before = dump(store_db(store));
    new.db = store_db(store);
    new.schema = db_schema(new.db);
    assert_ok(cluster_new_create("c.db", &new));
    assert_error(cluster_new_create("c.db", &new), "File exists");
    assert_ok(cluster_file_load("c.db", NULL, &file));
    log = cluster_file_log(file);
    assert_int_equal(member_log_last_index(log), 2);
    assert_int_equal(member_log_election_timer(log), 500);
    assert_string_equal(member_log_servers(log)->list[0].address, "tcp:127.0.0.1:1");
    assert_ok(cluster_file_build(file, &db));
    after = dump(db);
    assert_string_equal(after, before);
    cluster_file_close(file);
    db_free(db);
    store_close(store);
    free(before);
    free(after);
}

static void test_new_empty_cluster(void **state)
{
    _cleanup_schema_ struct schema *schema = schema_of_file(TEST_SCHEMA);
    struct cluster_new new = {.address = "tcp:127.0.0.1:1"};
    struct cluster_file *file;

    new.schema = schema;
    assert_ok(cluster_new_create("e.db", &new));
    assert_ok(cluster_file_load("e.db", NULL, &file));
    assert_int_equal(cluster_file_n_records(file), 1);
    assert_int_equal(member_log_last_index(cluster_file_log(file)), 1);
    cluster_file_close(file);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_joining, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_records_are_written_back, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_cut_at_every_byte, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_damage, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_mixed_kinds, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_new_cluster, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_new_empty_cluster, enter_folder, leave_folder),
    };

    data_folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The file of a running member: append, reopen, snapshot, install. For faults of the disk see
// test_cluster_faults.c.
#include "cluster_log_unit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct group_commit *group;
static struct told told;
static int n_syncs;

// What is not synced is not lost here.
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    n_syncs++;
    return 0;
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return 0;
}

static void on_store_failed(void *userdata, struct store *store, int error)
{
    fail_msg("a cluster_log is no store");
}

static int setup(void **state)
{
    told = (struct told){0};
    group = group_commit_new(NULL, NULL);
    return enter_folder(state);
}

static int teardown(void **state)
{
    group_commit_free(group);
    return leave_folder(state);
}

static struct file_record commit_at(uint64_t index)
{
    return (struct file_record){.kind = FILE_RECORD_COMMIT_INDEX, .commit_index = index};
}

// A valid record after those of `log`.
static struct file_record random_record(const struct member_log *log)
{
    uint64_t last = member_log_last_index(log);
    static struct servers servers;
    struct file_record record;

    switch (random() % 8) {
    case 0: // replaces entries, unless all are committed
        record =
            entry_at(log->commit_index + 1 + (uint64_t)random() % (last - log->commit_index + 1),
                     log->term + 1);
        break;
    case 1:
        return (struct file_record){.kind = FILE_RECORD_TERM, .term = log->term + 1};
    case 2:
        return (struct file_record){
            .kind = FILE_RECORD_VOTE, .term = log->term + 1, .server = uuid_random()};
    case 3:
        return (struct file_record){
            .kind = FILE_RECORD_LEADER, .term = log->term + 1, .server = uuid_random()};
    case 4:
        return commit_at(log->commit_index + (uint64_t)random() % (last - log->commit_index + 1));
    case 5: // a change of the members
        record = entry_at(last + 1, log->term);
        record.entry.data = (struct slice){0};
        record.entry.eid = UUID_ZERO;
        servers_done(&servers);
        servers_add(&servers, uuid_random(), "tcp:127.0.0.1:1");
        servers_add(&servers, uuid_random(), "ssl:[::1]:2");
        record.entry.servers = servers;
        record.entry.election_timer = random() % 2 ? 2000 : 0;
        break;
    case 6:
        return (struct file_record){.kind = FILE_RECORD_NOTE,
                                    .note = (char *)"transfer leadership"};
    default:
        record = entry_at(last + 1, log->term);
    }
    return record;
}

static void test_random_records(void **state)
{
    struct cluster_log *log;
    uint64_t size;

    srandom(3);
    create_cluster();
    log = open_joined(group, &told);
    for (size_t i = 1; i <= 600; i++) {
        append(log, random_record(cluster_log_contents(log)));
        if (random() % 5 == 0) {
            group_commit_flush(group);
            assert_int_equal(told.n_durable, i);
        }
        if (random() % 50 == 0) {
            size = cluster_log_size(log);
            close_and_compare(log);
            told.n_durable = i; // close() does not report the last ones
            log = open_log();
            assert_int_equal(cluster_log_size(log), size);
            cluster_log_join(log, group, &told_handler, &told);
        }
    }
    assert_int_equal(told.n_failed + told.n_blocked, 0);
    close_and_compare(log);
}

// Several records in a call count as one.
static void test_several_records(void **state)
{
    struct cluster_log *log;
    struct file_record records[3];

    create_cluster();
    log = open_joined(group, &told);
    records[0] = next_entry(log, 1);
    records[0].entry.data = SLICE("[null,{\"T\":{}}]");
    records[1] = commit_at(2);
    records[2] =
        (struct file_record){.kind = FILE_RECORD_TERM, .term = 9, .comment = (char *)"why"};
    cluster_log_append(log, records, 3);
    assert_int_equal(told.n_durable, 0);
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 1);
    assert_int_equal(cluster_log_contents(log)->term, 9);
    close_and_compare(log);
}

// Entries of a former leader are replaced.
static void test_replaced_entries(void **state)
{
    struct cluster_log *log;

    create_cluster();
    log = open_joined(group, &told);
    for (int i = 0; i < 5; i++) {
        append(log, next_entry(log, 1));
    }
    assert_int_equal(rows_of(log), 6);
    append(log, entry_at(3, 2));
    assert_int_equal(member_log_last_index(cluster_log_contents(log)), 3);
    assert_int_equal(rows_of(log), 3);
    close_and_compare(log);
}

// A vote is synced and in the file when the call returns.
static void test_votes(void **state)
{
    const struct uuid candidate = uuid_random();
    _cleanup_buf_ struct buf content = {0};
    struct cluster_log *log;

    create_cluster();
    log = open_joined(group, &told);
    append(log, next_entry(log, 1));
    n_syncs = 0;
    assert_true(cluster_log_append_synced(
        log, &(struct file_record){.kind = FILE_RECORD_VOTE, .term = 2, .server = candidate}, 1));
    assert_int_equal(n_syncs, 1);
    assert_int_equal(told.n_durable, 0);
    read_file("c.db", &content);
    assert_int_equal(content.size, cluster_log_size(log));
    assert_true(uuid_equals(cluster_log_contents(log)->vote, candidate));
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 1);
    close_and_compare(log);
}

// A file that is cut at any byte is opened with the whole records, and the rest is put aside.
static void test_torn_at_every_byte(void **state)
{
    _cleanup_buf_ struct buf content = {0};
    char *dumps[4];
    uint64_t sizes[4];
    struct cluster_log *log;

    create_cluster();
    log = open_joined(group, &told);
    for (size_t i = 0; i < 4; i++) {
        sizes[i] = cluster_log_size(log);
        dumps[i] = log_dump(cluster_log_contents(log));
        append(log, i == 1 ? (struct file_record){.kind = FILE_RECORD_TERM, .term = 2}
                           : next_entry(log, i ? 2 : 1));
    }
    cluster_log_close(log);
    read_file("c.db", &content);
    for (size_t size = sizes[0], i = 0; size < sizes[3]; size++) {
        i += i < 3 && size >= sizes[i + 1];
        write_file("c.db", (struct slice){content.data, size});
        assert_file_says(dumps[i]);
        if (size != sizes[i]) {
            _cleanup_free_ char *copy = xasprintf("c.db.torn-%lu", (unsigned long)sizes[i]);
            _cleanup_buf_ struct buf torn = {0};

            read_file(copy, &torn);
            assert_int_equal(torn.size, size - sizes[i]);
            assert_int_equal(unlink(copy), 0);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        free(dumps[i]);
    }
}

static void test_refused_files(void **state)
{
    _cleanup_buf_ struct buf content = {0};
    struct cluster_log *log, *second = NULL;
    bool is_damaged = true;

    assert_error(cluster_log_open("c.db", NULL, &second, &is_damaged), "No such file");
    assert_false(is_damaged);
    create_database();
    assert_error(cluster_log_open("d.db", NULL, &second, &is_damaged), "not a clustered database");
    assert_false(is_damaged);
    create_cluster();
    log = open_joined(group, &told);
    assert_error(cluster_log_open("c.db", NULL, &second, &is_damaged), "lock");
    assert_false(is_damaged);
    append(log, next_entry(log, 1));
    append(log, next_entry(log, 1));
    cluster_log_close(log);
    read_file("c.db", &content);
    content.data[content.size - 300] ^= 1;
    write_file("c.db", buf_slice(&content));
    assert_error(cluster_log_open("c.db", NULL, &second, &is_damaged), "c.db: record");
    assert_true(is_damaged);
    assert_null(second);
}

static void test_replaced_by_another_program(void **state)
{
    struct cluster_log *log;

    create_cluster();
    log = open_joined(group, &told);
    append(log, next_entry(log, 1));
    group_commit_flush(group);
    assert_int_equal(rename("c.db", "away.db"), 0);
    append(log, next_entry(log, 1));
    group_commit_flush(group);
    append(log, next_entry(log, 1));
    group_commit_flush(group);
    assert_int_equal(told.n_failed, 1);
    assert_int_equal(told.n_durable, 1);
    assert_int_equal(member_log_last_index(cluster_log_contents(log)), 4);
    assert_false(cluster_log_append_synced(
        log, &(struct file_record){.kind = FILE_RECORD_TERM, .term = 2}, 1));
    assert_int_equal(cluster_log_contents(log)->term, 1);
    cluster_log_close(log);
}

// The database of the log and a snapshot of it.
struct source {
    struct db *db;
    struct snapshot *rows;
};

static struct source source_of(const struct cluster_log *log, uint64_t index)
{
    struct source source;

    assert_ok(cluster_log_build(log, index, NULL, &source.db));
    source.rows = snapshot_new(source.db);
    snapshot_collect(source.rows, SIZE_MAX);
    return source;
}

static void source_done(struct source *source)
{
    snapshot_free(source->rows);
    db_free(source->db);
}

static int n_done, n_done_errors;

static void on_done(void *userdata, const struct ovsdb_error *error)
{
    n_done++;
    n_done_errors += error != NULL;
}

static void start_snapshot(struct cluster_log *log, struct source *source, uint64_t index)
{
    n_done = n_done_errors = 0;
    cluster_log_start_snapshot(log, source->rows, index, on_done, NULL);
}

static void test_snapshot(void **state)
{
    const struct member_log *contents;
    struct cluster_log *log;
    struct source source;
    uint64_t size;
    struct uuid eid;
    struct stat st;

    create_cluster();
    assert_int_equal(chmod("c.db", 0604), 0);
    log = open_joined(group, &told);
    contents = cluster_log_contents(log);
    for (int i = 0; i < 20; i++) { // 2 to 21
        append(log, next_entry(log, 1));
    }
    append(log, (struct file_record){.kind = FILE_RECORD_VOTE, .term = 2, .server = uuid_random()});
    eid = member_log_entry(contents, 15)->eid;
    size = cluster_log_size(log);
    source = source_of(log, 15);
    start_snapshot(log, &source, 15);
    assert_int_equal(n_done, 1);
    append(log, next_entry(log, 3));
    append(log, commit_at(9)); // the new file begins with a higher one
    append(log, commit_at(16));
    assert_ok(cluster_log_finish_snapshot(log, 4));
    assert_true(cluster_log_size(log) < size);
    assert_int_equal(contents->header.prev_index, 15);
    assert_true(uuid_equals(contents->header.prev_eid, eid));
    assert_int_equal(member_log_last_index(contents), 22);
    assert_null(member_log_entry(contents, 11));
    for (uint64_t i = 12; i <= 22; i++) {
        assert_int_equal(member_log_entry(contents, i)->index, i);
    }
    assert_int_equal(rows_of(log), 22);
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 24);
    append(log, next_entry(log, 3));
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 25);
    source_done(&source);

    source = source_of(log, 17); // kept entries of before and of this snapshot
    start_snapshot(log, &source, 17);
    assert_ok(cluster_log_finish_snapshot(log, 5));
    assert_null(member_log_entry(contents, 12));
    assert_int_equal(member_log_entry(contents, 13)->index, 13);
    source_done(&source);
    close_and_compare(log);
    assert_int_equal(stat("c.db", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    assert_int_equal(access("c.db.tmp", F_OK), -1);
}

// An entry of the snapshot that was not committed is replaced: the old file stays.
static void test_outdated_snapshot(void **state)
{
    struct cluster_log *log;
    struct source source;

    create_cluster();
    log = open_joined(group, &told);
    for (int i = 0; i < 5; i++) {
        append(log, next_entry(log, 1));
    }
    source = source_of(log, 5);
    start_snapshot(log, &source, 5);
    append(log, entry_at(5, 2));
    assert_error(cluster_log_finish_snapshot(log, 0), "were replaced");
    assert_int_equal(access("c.db.tmp", F_OK), -1);
    start_snapshot(log, &source, 2);
    cluster_log_cancel_snapshot(log);
    assert_int_equal(access("c.db.tmp", F_OK), -1);
    append(log, next_entry(log, 2));
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 7);
    source_done(&source);
    close_and_compare(log);
}

static void wait_for(struct group_commit *threads, const int *n)
{
    while (!*n) {
        struct pollfd pollfd = {.fd = group_commit_fd(threads), .events = POLLIN};

        assert_int_equal(poll(&pollfd, 1, 60000), 1);
        group_commit_dispatch(threads);
    }
}

// With threads: more than the engine thread copies is appended while the helper works.
static void test_append_during_snapshot(void **state)
{
    struct group_commit *threads = group_commit_new(on_store_failed, NULL);
    struct cluster_log *log;
    struct source source;

    create_cluster();
    log = open_joined(threads, &told);
    for (int i = 0; i < 50; i++) {
        append(log, next_entry(log, 1));
    }
    source = source_of(log, 40);
    start_snapshot(log, &source, 40);
    while (cluster_log_size(log) < (600 << 10)) {
        append(log, next_entry(log, 2));
        assert_true(cluster_log_append_synced(
                        log,
                        &(struct file_record){.kind = FILE_RECORD_TERM,
                                              .term = cluster_log_contents(log)->term},
                        1) ||
                    told.n_failed);
        if (cluster_log_size(log) > (20 << 10)) {
            for (int i = 0; i < 500; i++) {
                append(log, next_entry(log, 2));
            }
        }
    }
    assert_int_equal(n_done, 0);
    group_commit_flush(threads);
    wait_for(threads, &n_done);
    assert_int_equal(n_done_errors, 0);
    append(log, next_entry(log, 3));
    group_commit_flush(threads);
    append(log, next_entry(log, 3));
    assert_ok(cluster_log_finish_snapshot(log, 10));
    group_commit_drain(threads);
    source_done(&source);
    close_and_compare(log);
    group_commit_free(threads);
}

static void test_close_during_snapshot(void **state)
{
    struct group_commit *threads = group_commit_new(on_store_failed, NULL);
    struct cluster_log *log;
    struct source source;

    create_cluster();
    log = open_joined(threads, &told);
    append(log, next_entry(log, 1));
    source = source_of(log, 2);
    start_snapshot(log, &source, 2);
    close_and_compare(log);
    assert_int_equal(n_done, 0);
    assert_int_equal(access("c.db.tmp", F_OK), -1);
    source_done(&source);
    group_commit_free(threads);
}

static struct file_header received_header(const struct cluster_log *log, uint64_t index)
{
    const struct file_header *mine = &cluster_log_contents(log)->header;
    struct file_header header = {
        .server_id = mine->server_id,
        .cluster_id = uuid_random(),
        .local_address = xstrdup(mine->local_address),
        .name = xstrdup(mine->name),
        .prev_term = 4,
        .prev_index = index,
        .prev_data = SLICE("[" CLUSTER_SCHEMA ",{\"T\":{\"00000001-0000-4000-8000-000000000000\":"
                           "{\"name\":\"sent\"}}}]"),
        .prev_eid = uuid_random(),
    };

    servers_add(&header.prev_servers, header.server_id, header.local_address);
    return header;
}

static void test_install(void **state)
{
    struct file_header header;
    struct cluster_log *log;
    struct uuid vote = uuid_random();
    struct source source;

    create_cluster();
    log = open_joined(group, &told);
    append(log, next_entry(log, 1));
    append(log, next_entry(log, 1));
    source = source_of(log, 2);
    start_snapshot(log, &source, 2);
    header = received_header(log, 100);
    assert_ok(cluster_log_install(log, &header, 5, vote));
    source_done(&source);
    assert_int_equal(access("c.db.tmp", F_OK), -1);
    assert_int_equal(cluster_log_contents(log)->term, 5);
    assert_true(uuid_equals(cluster_log_contents(log)->vote, vote));
    assert_int_equal(cluster_log_contents(log)->commit_index, 100);
    assert_int_equal(rows_of(log), 1);
    append(log, next_entry(log, 5)); // 101
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 3);
    assert_int_equal(rows_of(log), 2);
    close_and_compare(log);
}

static void test_install_makes_a_member(void **state)
{
    char *remote = (char *)"tcp:127.0.0.1:1";
    struct file_header header = {.server_id = uuid_random(),
                                 .local_address = (char *)"tcp:127.0.0.1:2",
                                 .name = (char *)"d",
                                 .remote_addresses = &remote,
                                 .n_remote_addresses = 1};
    struct cluster_log *log;

    assert_ok(cluster_new_join("c.db", &header));
    log = open_joined(group, &told);
    assert_false(file_header_is_member(&cluster_log_contents(log)->header));
    header = received_header(log, 7);
    assert_ok(cluster_log_install(log, &header, 4, UUID_ZERO));
    assert_true(file_header_is_member(&cluster_log_contents(log)->header));
    append(log, next_entry(log, 4));
    close_and_compare(log);
}

// The replayed history has the ids of the entries.
static void test_build(void **state)
{
    struct changeset *changes;
    struct cluster_log *log;
    struct db *db;

    create_cluster();
    log = open_joined(group, &told);
    for (int i = 0; i < 4; i++) {
        append(log, next_entry(log, 1));
    }
    assert_ok(cluster_log_build(log, 4, NULL, &db));
    assert_int_equal(count_rows(db), 4);
    assert_true(
        uuid_equals(db_tail(db)->txn_id, member_log_entry(cluster_log_contents(log), 4)->eid));
    changes = db_take_replayed_history(db);
    assert_true(uuid_equals(changes->txn_id, cluster_log_contents(log)->header.prev_eid));
    assert_true(
        uuid_equals(changes->next->txn_id, member_log_entry(cluster_log_contents(log), 2)->eid));
    changeset_unref(changes);
    db_free(db);
    assert_ok(cluster_log_build(log, 1, NULL, &db));
    assert_int_equal(count_rows(db), 1);
    db_free(db);
    cluster_log_close(log);
}

static void run_tool(const char *arguments)
{
    _cleanup_free_ char *command =
        xasprintf("ASAN_OPTIONS= /usr/bin/ovsdb-tool %s >/dev/null", arguments);

    if (system(command)) {
        fail_msg("%s", command);
    }
}

// check-cluster refuses a file without entries.
static void check_with_tool(bool has_entries)
{
    unlink("standalone.db");
    if (has_entries) {
        run_tool("check-cluster c.db");
    }
    run_tool("show-log -mmm c.db");
    run_tool("db-cid c.db");
    run_tool("db-sid c.db");
    run_tool("cluster-to-standalone standalone.db c.db");
}

// The tools of the other implementation accept the file in each of its states.
static void test_tools_accept_the_file(void **state)
{
    struct file_header header;
    struct cluster_log *log;
    struct source source;

    if (access("/usr/bin/ovsdb-tool", X_OK)) {
        skip();
    }
    create_cluster();
    check_with_tool(false);
    log = open_joined(group, &told);
    for (int i = 0; i < 8; i++) {
        append(log, next_entry(log, 1));
    }
    append(log, (struct file_record){.kind = FILE_RECORD_VOTE,
                                     .term = 2,
                                     .server = cluster_log_contents(log)->header.server_id});
    append(log,
           (struct file_record){.kind = FILE_RECORD_LEADER, .term = 2, .server = uuid_random()});
    append(log, entry_at(8, 2));
    append(log, commit_at(7));
    check_with_tool(true);
    source = source_of(log, 6);
    start_snapshot(log, &source, 6);
    append(log, next_entry(log, 2));
    append(log, commit_at(8));
    assert_ok(cluster_log_finish_snapshot(log, 3));
    source_done(&source);
    check_with_tool(true);
    header = received_header(log, 100);
    assert_ok(cluster_log_install(log, &header, 5, UUID_ZERO));
    check_with_tool(false);
    append(log, next_entry(log, 5));
    check_with_tool(true);
    cluster_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replaced_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_votes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replaced_by_another_program, setup, teardown),
        cmocka_unit_test_setup_teardown(test_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outdated_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_during_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_during_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_makes_a_member, setup, teardown),
        cmocka_unit_test_setup_teardown(test_build, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tools_accept_the_file, setup, teardown),
    };

    return cmocka_run_group_tests_name("cluster_log", tests, NULL, NULL);
}

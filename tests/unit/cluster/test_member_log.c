// SPDX-License-Identifier: Apache-2.0
// Adds the records of tests/data/cluster/logs.json. The last one must give the error of the table,
// or the log must have the state of the table.
#include "cluster_unit.h"

static const char *table_path;

static uint64_t number(const json_t *state, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(state, name));
}

static void check_state(const json_t *row, const struct member_log *log)
{
    const json_t *state = json_object_get(row, "state");
    const char *vote = row_text(state, "vote");
    char text[UUID_TEXT_SIZE];

    assert_int_equal(log->term, number(state, "term"));
    assert_int_equal(member_log_last_index(log), number(state, "last"));
    assert_int_equal(log->commit_index, number(state, "commit"));
    assert_int_equal(member_log_servers(log)->n, number(state, "n_servers"));
    assert_int_equal(member_log_election_timer(log), number(state, "timer"));
    assert_string_equal(uuid_text(log->vote, text),
                        vote ? vote : "00000000-0000-0000-0000-000000000000");
    assert_int_equal(log->has_left, json_is_true(json_object_get(state, "left")));
    assert_null(member_log_entry(log, log->header.prev_index));
    assert_null(member_log_entry(log, member_log_last_index(log) + 1));
    for (uint64_t i = log->header.prev_index + 1; i <= member_log_last_index(log); i++) {
        assert_int_equal(member_log_entry(log, i)->index, i);
    }
}

static void check_row(const json_t *row)
{
    _cleanup_member_log_ struct member_log *log = NULL;
    struct ovsdb_error *error = make_log(json_object_get(row, "records"), &log);
    bool is_good = !error;

    assert_error_of_row(row, error);
    if (is_good) {
        check_state(row, log);
    }
}

static void test_table(void **state)
{
    for_each_row(table_path, 25, check_row);
}

static void add_entry(struct member_log *log, uint64_t index, uint64_t election_timer)
{
    struct file_record record = {.kind = FILE_RECORD_ENTRY,
                                 .entry = {.term = 1 + index / 5,
                                           .index = index,
                                           .election_timer = election_timer,
                                           .data = SLICE("[null,{}]"),
                                           .eid = {index, 1}}};

    assert_null(member_log_add(log, &record));
}

static void rebase(struct member_log *log, uint64_t index, size_t n_kept)
{
    struct file_header header = member_log_header_at(log, index);

    header.prev_data = SLICE("[{},{}]");
    member_log_rebase(log, member_log_new(header), n_kept);
}

// Fails unless the log has the entries from `first` to `last`, and no others.
static void assert_entries(const struct member_log *log, uint64_t first, uint64_t last)
{
    assert_null(member_log_entry(log, first - 1));
    assert_null(member_log_entry(log, last + 1));
    for (uint64_t i = first; i <= last; i++) {
        assert_int_equal(member_log_entry(log, i)->index, i);
        assert_int_equal(member_log_entry(log, i)->eid.hi, i);
    }
    assert_int_equal(member_log_last_index(log), last);
}

// A snapshot replaces entries, of which the last ones are kept.
static void test_rebase(void **state)
{
    _cleanup_member_log_ struct member_log *log = NULL;
    struct file_header header = {.server_id = {1, 1},
                                 .cluster_id = {2, 2},
                                 .local_address = xstrdup("tcp:127.0.0.1:1"),
                                 .name = xstrdup("d"),
                                 .prev_term = 1,
                                 .prev_index = 1,
                                 .prev_election_timer = 1000,
                                 .prev_data = SLICE("[{},{}]")};

    servers_add(&header.prev_servers, header.server_id, header.local_address);
    log = member_log_new(header);
    for (uint64_t i = 2; i <= 12; i++) {
        add_entry(log, i, i == 4 || i == 9 ? i * 1000 : 0);
    }
    rebase(log, 7, 3);
    assert_entries(log, 5, 12);
    assert_int_equal(log->header.prev_term, 2);
    assert_int_equal(log->header.prev_election_timer, 4000);
    assert_int_equal(log->header.prev_eid.hi, 7);
    assert_int_equal(log->header.prev_servers.n, 1);
    assert_int_equal(log->commit_index, 7);
    assert_int_equal(member_log_election_timer(log), 9000);
    rebase(log, 8, 3);
    assert_entries(log, 6, 12);
    rebase(log, 8, 1);
    assert_entries(log, 8, 12);
    rebase(log, 12, 100);
    assert_entries(log, 8, 12);
    assert_int_equal(log->n_entries, 0);
    add_entry(log, 13, 0);
    assert_entries(log, 8, 13);
    rebase(log, 13, 0);
    assert_null(member_log_entry(log, 13));
    assert_int_equal(member_log_election_timer(log), 9000);
}

// An entry that set the members and the election timer is replaced, and those before it count
// again.
static void test_replaced_settings(void **state)
{
    _cleanup_member_log_ struct member_log *log = NULL;
    struct file_header header = {.server_id = {1, 1},
                                 .cluster_id = {2, 2},
                                 .local_address = xstrdup("tcp:127.0.0.1:1"),
                                 .name = xstrdup("d"),
                                 .prev_term = 1,
                                 .prev_index = 1,
                                 .prev_election_timer = 1000,
                                 .prev_data = SLICE("[{},{}]")};
    struct file_record change = {.kind = FILE_RECORD_ENTRY, .entry = {.term = 2, .index = 5}};

    servers_add(&header.prev_servers, header.server_id, header.local_address);
    servers_add(&change.entry.servers, (struct uuid){1, 1}, "tcp:127.0.0.1:1");
    servers_add(&change.entry.servers, (struct uuid){3, 3}, "tcp:127.0.0.1:3");
    log = member_log_new(header);
    for (uint64_t i = 2; i <= 4; i++) {
        add_entry(log, i, i == 3 ? 3000 : 0);
    }
    assert_null(member_log_add(log, &change));
    add_entry(log, 6, 6000);
    assert_int_equal(member_log_servers(log)->n, 2);
    assert_int_equal(member_log_election_timer(log), 6000);
    add_entry(log, 6, 0);
    assert_int_equal(member_log_servers(log)->n, 2);
    assert_int_equal(member_log_election_timer(log), 3000);
    change = (struct file_record){.kind = FILE_RECORD_ENTRY, .entry = {.term = 2, .index = 5}};
    assert_null(member_log_add(log, &change));
    assert_int_equal(member_log_servers(log)->n, 1);
    assert_int_equal(member_log_election_timer(log), 3000);
    change = (struct file_record){.kind = FILE_RECORD_ENTRY, .entry = {.term = 2, .index = 2}};
    assert_null(member_log_add(log, &change));
    assert_int_equal(member_log_election_timer(log), 1000);
    rebase(log, 2, 0);
    assert_int_equal(member_log_servers(log)->n, 1);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rebase),
        cmocka_unit_test(test_replaced_settings),
    };

    table_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
    };

    table_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}

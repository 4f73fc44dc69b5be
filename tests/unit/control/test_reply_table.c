// SPDX-License-Identifier: Apache-2.0
#include "control/reply_table.h"
#include "unit.h"

static const struct command_field fields[] = {
    {"name", FIELD_STRING},
    {"n", FIELD_INTEGER, true},
    {"real", FIELD_REAL, true},
    {"on", FIELD_BOOLEAN, true},
    {"list", FIELD_STRINGS, true},
    {"counters", FIELD_COUNTERS, true},
    {NULL},
};

// Sorts `records` by `column` and returns the names in that order.
static void check_sort(const char *column, const char *expected)
{
    json_t *records = json_pack("[{ss si sf sb s[ss]} {ss} {ss si sf sb s[s]} {ss si sf sb s[]}]",
                                "name", "b", "n", 2, "real", 0.5, "on", 0, "list", "x", "a", "name",
                                "c", "name", "a", "n", 10, "real", -1.0, "on", 1, "list", "x",
                                "name", "d", "n", 10, "real", 1.5, "on", 0, "list");
    struct buf text = {0};
    json_t *record;
    size_t i;

    assert_true(reply_sort_records(records, fields, column));
    json_array_foreach(records, i, record)
    {
        buf_puts(&text, reply_string(record, "name"));
    }
    assert_string_equal(buf_cstr(&text), expected);
    buf_done(&text);
    json_decref(records);
}

static void test_sort(void **state)
{
    check_sort("name", "abcd");
    check_sort("n", "adbc"); // equal ones keep their order, missing ones are last
    check_sort("real", "dbac");
    check_sort("on", "abdc");
    check_sort("list", "dabc");
}

static void test_no_such_column(void **state)
{
    json_t *records = json_array();

    assert_false(reply_sort_records(records, fields, "nope"));
    assert_false(reply_sort_records(records, fields, ""));
    assert_false(reply_sort_records(records, fields, "counters"));
    assert_true(reply_sort_records(records, fields, "n"));
    json_decref(records);
}

static void check_print(json_t *records, const struct command_field *columns, const char *expected)
{
    struct buf text = {0};

    reply_print_records(records, columns, &text);
    assert_string_equal(buf_cstr(&text), expected);
    buf_done(&text);
    json_decref(records);
}

static void test_print(void **state)
{
    check_print(json_array(), COMMAND_FIELDS({"a", FIELD_STRING}, {"bb", FIELD_INTEGER}),
                "a bb\n- --\n");
    check_print(json_pack("[{ss si sb s[ss]} {ss si sb s[]} {ss}]", "name", "x", "n", 12345, "on",
                          1, "list", "p", "q", "name", "longer", "n", 1, "on", 0, "list", "name",
                          "y"),
                COMMAND_FIELDS({"name", FIELD_STRING}, {"n", FIELD_INTEGER}, {"on", FIELD_BOOLEAN},
                               {"list", FIELD_STRINGS}),
                "name       n on  list\n"
                "------ ----- --- ----\n"
                "x      12345 yes p,q\n"
                "longer     1 no  -\n"
                "y          - -   -\n");
}

// Names come from clients and must not control the terminal of the administrator.
static void test_control_characters(void **state)
{
    check_print(json_pack("[{ss s[s]}]", "a", "\x1b[2J\xc2\x9bm\x7f\xc3\xa4", "b", "\n\t"),
                COMMAND_FIELDS({"a", FIELD_STRING}, {"b", FIELD_STRINGS}),
                "a         b\n"
                "--------- --\n"
                "?[2J??m?\xc3\xa4 ??\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_no_such_column),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

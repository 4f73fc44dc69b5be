// SPDX-License-Identifier: Apache-2.0
// Random transactions on one database, whose records are applied to a second: both must be equal
// after each.
#include "../engine/engine_fixture.h"
#include "../engine/random_transaction.h"

#include "engine/txn.h"
#include "store/apply_record.h"
#include "store/encode.h"

#include <stdlib.h>

// Fails unless all values but those of ephemeral columns are equal.
static void assert_equal(struct db *a, struct db *b)
{
    _cleanup_buf_ struct buf ours = {0}, theirs = {0};

    encode_snapshot(&ours, a, NULL, 0);
    encode_snapshot(&theirs, b, NULL, 0);
    assert_string_equal(buf_cstr(&ours), buf_cstr(&theirs));
}

static void assert_applied(struct ovsdb_error *error)
{
    if (error) {
        fail_msg("%s", error->details);
    }
}

static void assert_refused(struct db *db, const char *record, const char *expected)
{
    struct changeset *tail = db_tail(db);
    struct ovsdb_error *error = record_apply(db, slice_of(record));
    _cleanup_free_ char *text = NULL;

    assert_non_null(error);
    text = error_text(error);
    error_free(error);
    if (!strstr(text, expected)) {
        fail_msg("\"%s\" is not in \"%s\"", expected, text);
    }
    assert_ptr_equal(db_tail(db), tail);
    fixture_check(db);
}

static void check_random(bool as_diff)
{
    struct db *db = fixture_new(), *copy = fixture_new();
    size_t n_applied = 0;

    srandom(as_diff ? 1 : 2);
    for (int step = 0; step < 400; step++) {
        _cleanup_buf_ struct buf record = {0};

        if (!random_transaction(db) ||
            !encode_changes(&record, db_tail(db), as_diff, 1700000000000)) {
            continue;
        }
        assert_applied(record_apply(copy, buf_slice(&record)));
        fixture_check(copy);
        assert_equal(db, copy);
        n_applied++;
    }
    assert_true(n_applied > 100);
    assert_int_equal(db_tail(copy)->seq, n_applied);
    db_free(copy);
    db_free(db);
}

static void test_differences(void **state)
{
    check_random(true);
}

static void test_whole_values(void **state)
{
    check_random(false);
}

#define ROW(n) "\"0000000" #n "-0000-4000-8000-000000000000\""

static void test_comment(void **state)
{
    struct db *db = fixture_new();

    assert_applied(
        record_apply(db, SLICE("{\"_comment\":\"a \\u00e9\",\"Thing\":{" ROW(1) ":{\"i\":1}}}")));
    assert_string_equal(db_tail(db)->comment, "a \xc3\xa9");
    assert_applied(record_apply(db, SLICE("{\"Thing\":{" ROW(2) ":{}}}")));
    assert_null(db_tail(db)->comment);
    assert_int_equal(db_tail(db)->seq, 2);
    assert_applied(record_apply(db, SLICE("{\"_comment\":\"nothing\"}")));
    assert_int_equal(db_tail(db)->seq, 2);
    db_free(db);
}

// Each record begins with a change that is valid.
static void test_errors(void **state)
{
    static const struct {
        const char *record, *expected;
    } cases[] = {
        {"{\"Thing\":{" ROW(1) ":{\"i\":7}},\"Nothing\":{}}", "no table \"Nothing\""},
        {"{\"Thing\":{" ROW(1) ":{\"i\":7,\"zzz\":1}}}", "no column \"zzz\""},
        {"{\"Thing\":{" ROW(1) ":{\"i\":7,\"s\":1}}}", "column s"},
        {"{\"Thing\":{" ROW(1) ":{\"i\":7}," ROW(2) ":null}}", "does not exist"},
        {"{\"Thing\":{" ROW(1) ":null," ROW(1) ":{}}}", "deletes and inserts"},
        {"{\"Thing\":{" ROW(1) ":{\"i\":7},\"x\":{}}}", "no UUID"},
        {"{\"Thing\":{" ROW(1) ":{\"i\":7}},\"Owner\":{" ROW(2) ":{\"parts\":[\"uuid\"," ROW(
             3) "]}}}",
         "referential integrity"},
        {"{\"Limited\":{" ROW(1) ":{\"a\":7}," ROW(2) ":{\"a\":7}}}", "constraint violation"},
        {"{\"Thing\":[]}", "an object is expected"},
    };
    struct db *db = fixture_new();

    assert_applied(record_apply(db, SLICE("{\"Thing\":{" ROW(1) ":{\"i\":1}}}")));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(db, cases[i].record, cases[i].expected);
    }
    db_free(db);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_whole_values),
        cmocka_unit_test(test_comment),
        cmocka_unit_test(test_errors),
    };

    fixture_schema_path = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("apply_record", tests, NULL, NULL);
}

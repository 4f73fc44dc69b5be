// SPDX-License-Identifier: Apache-2.0
// Runs a data file. A case has steps, each with a request and the expected result, and begins with
// an empty database. In the expected result "*" stands for any string, an error has only the
// members that are compared, and "rows" may be in any order.
#include "engine_fixture.h"

#include "basic/file.h"
#include "json/tree.h"

#include <stdio.h>

struct step {
    struct slice request; // the inside of the array
    json_t *result;
    json_t *wait;
    json_t *locks;
    json_t *rest;
};

static bool matches(const json_t *expected, const json_t *actual);

// True if each element of `expected` has a different matching element in `actual`. O(n^2).
static bool rows_match(const json_t *expected, const json_t *actual)
{
    bool *used = NEW_ARRAY(bool, json_array_size(actual) + 1);
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(expected); i++) {
        for (size_t j = 0; j < json_array_size(actual); j++) {
            if (!used[j] && matches(json_array_get(expected, i), json_array_get(actual, j))) {
                used[j] = true;
                n++;
                break;
            }
        }
    }
    free(used);
    return n == json_array_size(expected) && n == json_array_size(actual);
}

static bool object_matches(const json_t *expected, const json_t *actual)
{
    const char *name;
    json_t *value;

    if (!json_is_object(actual) || (!json_object_get(expected, "error") &&
                                    json_object_size(expected) != json_object_size(actual))) {
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)expected, name, value)
    {
        const json_t *other = json_object_get(actual, name);

        if (!other || !(strcmp(name, "rows") ? matches(value, other) : rows_match(value, other))) {
            return false;
        }
    }
    return true;
}

static bool matches(const json_t *expected, const json_t *actual)
{
    if (json_is_string(expected) && !strcmp(json_string_value(expected), "*")) {
        return true; // a _version is an array, a UUID a string: anything
    }
    if (json_is_object(expected)) {
        return object_matches(expected, actual);
    }
    if (json_is_array(expected)) {
        bool equal = json_is_array(actual) && json_array_size(expected) == json_array_size(actual);

        for (size_t i = 0; equal && i < json_array_size(expected); i++) {
            equal = matches(json_array_get(expected, i), json_array_get(actual, i));
        }
        return equal;
    }
    return json_equal(expected, actual);
}

static bool owns_lock(void *locks, struct slice lock)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)locks, i, name)
    {
        if (slice_is(lock, json_string_value(name))) {
            return true;
        }
    }
    return false;
}

// Requests remain text, because repeated members and their order are significant.
static void step_init(struct step *step, struct slice text)
{
    struct cursor cursor;

    *step = (struct step){.rest = tree_from_text(text)};
    cursor_init(&cursor, text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, NULL);
        struct slice value = cursor_skip(&cursor);

        if (slice_is(name, "request")) {
            step->request = (struct slice){value.data + 1, value.size - 2};
        }
    }
    step->result = json_object_get(step->rest, "result");
    step->wait = json_object_get(step->rest, "wait");
    step->locks = json_object_get(step->rest, "locks");
}

static void check_wait(const json_t *wait, const struct transact_result *result)
{
    const json_t *tables = json_object_get(wait, "tables");
    const json_t *timeout = json_object_get(wait, "timeout_ms");

    assert_int_equal(result->timeout, json_is_null(timeout)
                                          ? USEC_INFINITY
                                          : (usec_t)json_integer_value(timeout) * USEC_PER_MSEC);
    assert_int_equal(result->n_tables, json_array_size(tables));
    for (size_t i = 0; i < result->n_tables; i++) {
        assert_string_equal(result->tables[i]->name, json_string_value(json_array_get(tables, i)));
    }
}

static void play_step(struct db *db, const struct step *step)
{
    const json_t *elapsed = json_object_get(step->rest, "elapsed_ms");
    struct transact_request request = {
        .elapsed = (usec_t)json_integer_value(elapsed) * USEC_PER_MSEC,
        .read_only = json_is_true(json_object_get(step->rest, "read_only")),
        .role = json_string_value(json_object_get(step->rest, "role")),
        .client_id = json_string_value(json_object_get(step->rest, "id")),
        .owns_lock = step->locks ? owns_lock : NULL,
        .userdata = step->locks,
    };
    _cleanup_buf_ struct buf text = {0};
    _cleanup_tree_ json_t *actual = NULL;
    struct transact_result result;
    enum transact_status status;

    status = fixture_run_request(db, request, step->request, &text, &result);
    if (step->wait) {
        assert_int_equal(status, TRANSACT_WAIT);
        assert_int_equal(text.size, 0);
        check_wait(step->wait, &result);
        free((void *)(uintptr_t)result.tables);
        return;
    }
    assert_int_equal(status, TRANSACT_DONE);
    actual = tree_from_text(buf_slice(&text));
    if (!matches(step->result, actual)) {
        fail_msg("request [" SLICE_FORMAT "]\nresult %s\nexpected %s", SLICE_ARGS(step->request),
                 buf_cstr(&text), json_dumps(step->result, JSON_ENCODE_ANY));
    }
}

static void play_case(void **state)
{
    struct slice *text = *state;
    struct db *db = fixture_new();
    struct cursor cursor;

    cursor_init(&cursor, *text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct step step;

        step_init(&step, cursor_skip(&cursor));
        play_step(db, &step);
        json_decref(step.rest);
    }
    db_free(fixture_reload(db));
    db_free(db);
}

// A case's name and steps.
static void case_init(struct slice text, struct CMUnitTest *test)
{
    struct slice *steps = NEW(struct slice);
    struct cursor cursor;

    *test = (struct CMUnitTest){.test_func = play_case, .initial_state = steps};
    cursor_init(&cursor, text);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, NULL);
        struct slice value;

        if (slice_is(name, "name")) {
            struct slice decoded = cursor_string(&cursor, NULL);

            test->name = xstrndup(decoded.data, decoded.size);
        } else {
            value = cursor_skip(&cursor);
            if (slice_is(name, "steps")) {
                *steps = value;
            }
        }
    }
}

int main(int argc, char **argv)
{
    _cleanup_buf_ struct buf file = {0};
    struct CMUnitTest tests[64];
    struct cursor cursor;
    size_t n = 0;
    int failed;

    if (argc != 3 || file_read(argv[2], &file)) {
        fprintf(stderr, "usage: %s SCHEMA CASES\n", argv[0]);
        return 2;
    }
    fixture_schema_path = argv[1];
    cursor_init(&cursor, buf_slice(&file));
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        assert_true(n < ARRAY_SIZE(tests));
        case_init(cursor_skip(&cursor), &tests[n++]);
    }
    failed = _cmocka_run_group_tests(argv[2], tests, n, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)tests[i].name);
        free(tests[i].initial_state);
    }
    return failed || !n;
}

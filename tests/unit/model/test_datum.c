// SPDX-License-Identifier: Apache-2.0
#include "model_unit.h"

static void test_defaults(void **state)
{
    static const struct {
        const char *type, *text, *other;
    } rows[] = {
        {"\"integer\"", "0", "1"},
        {"\"string\"", "\"\"", "\"a\""},
        {"{\"key\":\"string\",\"min\":0}", "[\"set\",[]]", "\"\""},
        {"{\"key\":\"string\",\"max\":3}", "\"\"", "[\"set\",[\"\",\"a\"]]"},
        {"{\"key\":\"string\",\"value\":\"integer\",\"min\":0}", "[\"map\",[]]",
         "[\"map\",[[\"\",0]]]"},
        {"{\"key\":\"string\",\"value\":\"integer\"}", "[\"map\",[[\"\",0]]]",
         "[\"map\",[[\"\",1]]]"},
        {"{\"key\":{\"type\":\"string\",\"enum\":\"a\"}}", "\"\"", "\"a\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);
        union datum datum = datum_default(&type), other = make_datum(&type, rows[i].other);

        assert_datum_is(datum, &type, rows[i].text);
        assert_true(datum_is_default(datum, &type));
        assert_false(datum_is_default(other, &type));
        assert_false(datum_equals(datum, other, &type));
        assert_true(datum_hash(datum, &type, 0) != datum_hash(other, &type, 0));
        datum_done(other, &type);
        datum_done(datum, &type);
        type_done(&type);
    }
}

static void test_build(void **state)
{
    struct type type = make_type("{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":9}");
    static const char *const words[] = {"c", "a", "b"};
    union atom keys[3], values[3];
    union datum datum;

    for (int i = 0; i < 3; i++) {
        keys[i].string = text_new(slice_of(words[i]));
        values[i].string = text_new(slice_of(words[i]));
    }
    assert_null(datum_build(&type, keys, values, 3, &datum));
    assert_datum_is(datum, &type, "[\"map\",[[\"a\",\"a\"],[\"b\",\"b\"],[\"c\",\"c\"]]]");
    datum_done(datum, &type);
    for (int i = 0; i < 3; i++) {
        keys[i].string = text_new(slice_of(i ? "same" : "other"));
        values[i].string = text_new(slice_of(words[i]));
    }
    assert_error_is(datum_build(&type, keys, values, 3, &datum), ERROR_OVSDB, "duplicate key");
    assert_null(datum_build(&type, keys, values, 0, &datum));
    assert_null(datum.elems);
    type_done(&type);
}

static void test_from_sorted(void **state)
{
    struct type map = make_type("{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":9}");
    struct type scalar = make_type("\"string\"");
    union datum datum = make_datum(&map, "[\"map\",[[\"a\",\"x\"],[\"b\",\"y\"]]]"), copy;
    const union atom *atoms = elems_leaf(datum.elems)->atoms;

    copy = datum_from_sorted(&map, atoms, atoms + 2, 2);
    assert_true(copy.elems != datum.elems);
    assert_ptr_equal(elems_leaf(copy.elems)->atoms[3].string, atoms[3].string);
    assert_true(datum_equals(copy, datum, &map));
    datum_done(copy, &map);
    copy = datum_from_sorted(&map, NULL, NULL, 0);
    assert_null(copy.elems);
    copy = datum_from_sorted(&scalar, &atoms[1], NULL, 1);
    assert_datum_is(copy, &scalar, "\"b\"");
    datum_done(copy, &scalar);
    datum_done(datum, &map);
    type_done(&scalar);
    type_done(&map);
}

static void test_sharing(void **state)
{
    struct type type = make_type("{\"key\":\"string\",\"min\":0,\"max\":9}");
    union datum datum = make_datum(&type, "[\"set\",[\"a\",\"b\"]]");
    union datum copy = datum_copy(datum, &type);

    assert_ptr_equal(copy.elems, datum.elems);
    assert_int_equal(datum.elems->refs, 2);
    datum_done(datum, &type);
    assert_datum_is(copy, &type, "[\"set\",[\"a\",\"b\"]]");
    datum_done(copy, &type);
    type_done(&type);
}

// Each array of values is ascending.
static void test_order(void **state)
{
    static const struct {
        const char *type, *values[7];
    } rows[] = {
        {"\"integer\"", {"-1", "0", "5"}},
        {"{\"key\":\"string\",\"min\":0,\"max\":9}",
         {"[\"set\",[]]", "\"a\"", "\"b\"", "[\"set\",[\"a\",\"b\"]]", "[\"set\",[\"a\",\"c\"]]"}},
        {"{\"key\":\"string\",\"value\":\"integer\",\"min\":0,\"max\":9}",
         {"[\"map\",[]]", "[\"map\",[[\"a\",1]]]", "[\"map\",[[\"a\",2]]]", "[\"map\",[[\"b\",0]]]",
          "[\"map\",[[\"a\",2],[\"b\",0]]]", "[\"map\",[[\"a\",1],[\"c\",0]]]"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);

        for (size_t j = 0; rows[i].values[j]; j++) {
            for (size_t k = 0; rows[i].values[k]; k++) {
                union datum a = make_datum(&type, rows[i].values[j]);
                union datum b = make_datum(&type, rows[i].values[k]);
                int cmp = datum_compare(a, b, &type);

                assert_int_equal((cmp > 0) - (cmp < 0), (j > k) - (j < k));
                assert_int_equal(datum_equals(a, b, &type), j == k);
                datum_done(a, &type);
                datum_done(b, &type);
            }
        }
        type_done(&type);
    }
}

static void test_find(void **state)
{
    struct type type = make_type("{\"key\":\"integer\",\"min\":0,\"max\":\"unlimited\"}");
    union datum datum = make_datum(&type, "[\"set\",[1,3,5,7,9]]");

    for (int i = 0; i <= 10; i++) {
        const union atom *found = datum_find(&datum, &type, (union atom){.integer = i}, NULL);

        assert_int_equal(found != NULL, i % 2);
        assert_true(!found || found->integer == i);
    }
    assert_null(datum_find(&DATUM_EMPTY, &type, (union atom){.integer = 1}, NULL));
    datum_done(datum, &type);
    type_done(&type);
}

// Which values each enum datum_check accepts.
static void test_strictness(void **state)
{
    static const struct {
        const char *type, *value;
        bool ok[4]; // ALL, NO_MIN, NO_COUNT, NOTHING
    } rows[] = {
        {"{\"key\":\"integer\",\"max\":2}", "[\"set\",[1,2]]", {true, true, true, true}},
        {"{\"key\":\"integer\",\"max\":2}", "[\"set\",[]]", {false, true, true, true}},
        {"{\"key\":\"integer\",\"max\":2}", "[\"set\",[1,2,3]]", {false, false, true, true}},
        {"{\"key\":{\"type\":\"integer\",\"maxInteger\":2},\"max\":2}",
         "3",
         {false, false, false, true}},
        {"{\"key\":{\"type\":\"integer\",\"maxInteger\":2},\"max\":2}",
         "[\"set\",[1,3]]",
         {false, false, false, true}},
        {"{\"key\":\"integer\",\"value\":{\"type\":\"string\",\"minLength\":1}}",
         "[\"map\",[[1,\"\"]]]",
         {false, false, false, true}},
        {"{\"key\":\"integer\",\"value\":\"string\"}",
         "[\"map\",[[1,\"\"],[2,\"\"]]]",
         {false, false, true, true}},
        {"\"integer\"", "[\"set\",[]]", {false, false, false, false}},
        {"\"integer\"", "[\"set\",[1,2]]", {false, false, false, false}},
        {"{\"key\":{\"type\":\"integer\",\"maxInteger\":2}}", "3", {false, false, false, true}},
        {"{\"key\":\"integer\",\"max\":2}", "\"a\"", {false, false, false, false}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);

        for (enum datum_check check = DATUM_CHECK_ALL; check <= DATUM_CHECK_NOTHING; check++) {
            union datum datum;
            struct ovsdb_error *error = try_datum(&type, rows[i].value, check, NULL, &datum);

            assert_int_equal(!error, rows[i].ok[check]);
            if (error) {
                error_free(error);
            } else {
                datum_done(datum, &type);
            }
        }
        type_done(&type);
    }
}

static void test_check(void **state)
{
    static const struct {
        const char *type, *value, *details;
    } rows[] = {
        {"{\"key\":\"integer\",\"max\":2}", "[\"set\",[]]", "0 elements are not allowed"},
        {"{\"key\":\"integer\",\"max\":2}", "[\"set\",[1,2,3]]", "3 elements are not allowed"},
        {"{\"key\":{\"type\":\"integer\",\"maxInteger\":2},\"max\":2}", "[\"set\",[1,3]]",
         "3 is greater"},
        {"{\"key\":\"string\",\"value\":{\"type\":\"integer\",\"minInteger\":0},\"max\":2}",
         "[\"map\",[[\"a\",0],[\"b\",-1]]]", "-1 is less"},
        {"{\"key\":{\"type\":\"string\",\"enum\":\"a\"}}", "\"\"", "\"\" is none of"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);
        union datum datum = make_datum(&type, rows[i].value);

        assert_error_is(datum_check(datum, &type), ERROR_CONSTRAINT, rows[i].details);
        datum_done(datum, &type);
        type_done(&type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_build),
        cmocka_unit_test(test_from_sorted), cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_order),       cmocka_unit_test(test_find),
        cmocka_unit_test(test_strictness),  cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

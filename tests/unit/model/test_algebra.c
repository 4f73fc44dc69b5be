// SPDX-License-Identifier: Apache-2.0
// Set algebra and differences against a naive model: sets are bit masks, maps are small arrays
// indexed by key. The generated values are the same in every run.
#include "model_unit.h"

#define N_KEYS   24
#define N_ROUNDS 3000

// The model of a map: the value of each key, 0 for absent keys. In a set all values are 1.
struct model {
    int values[N_KEYS];
};

static struct model random_model(const struct type *type)
{
    unsigned density = random_below(5);
    struct model model = {0};

    for (int i = 0; i < N_KEYS; i++) {
        if (random_below(4) < density) {
            model.values[i] = type_is_map(type) ? 1 + (int)random_below(3) : 1;
        }
    }
    return model;
}

static union datum from_model(const struct type *type, const struct model *model)
{
    union atom keys[N_KEYS], values[N_KEYS];
    union datum datum;
    uint32_t n = 0;

    for (int i = N_KEYS; i-- > 0;) {
        if (model->values[i]) {
            keys[n] = make_atom(type->key.type, i);
            if (type_is_map(type)) {
                values[n] = make_atom(type->value.type, model->values[i]);
            }
            n++;
        }
    }
    assert_null(datum_build(type, keys, values, n, &datum));
    return datum;
}

// Consumes `datum`.
static void assert_is_model(union datum datum, const struct type *type, const struct model *model)
{
    union datum expected = from_model(type, model);

    assert_datum_sorted(datum, type);
    assert_true(datum_equals(datum, expected, type));
    datum_done(expected, type);
    datum_done(datum, type);
}

static void check_union(union datum a, union datum b, const struct type *type,
                        const struct model *x, const struct model *y)
{
    struct model expected = *x;

    for (int i = 0; i < N_KEYS; i++) {
        if (!x->values[i]) {
            expected.values[i] = y->values[i];
        }
    }
    assert_is_model(datum_union(a, b, type), type, &expected);
}

static void check_subtract(union datum a, union datum b, const struct type *type,
                           const struct model *x, const struct model *y, bool b_is_keys)
{
    struct model expected = *x;

    for (int i = 0; i < N_KEYS; i++) {
        if (y->values[i] && (b_is_keys || x->values[i] == y->values[i])) {
            expected.values[i] = 0;
        }
    }
    assert_is_model(datum_subtract(a, b, type, b_is_keys), type, &expected);
}

static void check_inclusion(union datum a, union datum b, const struct type *type,
                            const struct model *x, const struct model *y)
{
    bool includes = true, excludes = true;

    for (int i = 0; i < N_KEYS; i++) {
        if (y->values[i]) {
            includes &= x->values[i] == y->values[i];
            excludes &= x->values[i] != y->values[i];
        }
    }
    assert_int_equal(datum_includes_all(a, b, type), includes);
    assert_int_equal(datum_excludes_all(a, b, type), excludes);
}

static void check_diff(union datum a, union datum b, const struct type *type, const struct model *x,
                       const struct model *y)
{
    struct model expected = {0};
    union datum diff = datum_diff(a, b, type), result;

    for (int i = 0; i < N_KEYS; i++) {
        if (x->values[i] != y->values[i]) {
            expected.values[i] = y->values[i] ? y->values[i] : x->values[i];
        }
    }
    assert_null(datum_apply_diff(a, diff, type, &result));
    assert_is_model(diff, type, &expected);
    assert_is_model(result, type, y);
}

// The keys of a map as a set: the mutation "delete" accepts it too.
static void check_subtract_keys(union datum a, const struct type *type, const struct model *x,
                                const struct model *y)
{
    struct type set = {.key = type->key, .n_max = UINT32_MAX};
    struct model keys = {0};
    union datum b;

    for (int i = 0; i < N_KEYS; i++) {
        keys.values[i] = !!y->values[i];
    }
    b = from_model(&set, &keys);
    check_subtract(a, b, type, x, &keys, true);
    datum_done(b, &set);
}

static void check_type(const char *type_json)
{
    struct type type = make_type(type_json);

    for (int round = 0; round < N_ROUNDS; round++) {
        struct model x = random_model(&type);
        struct model y = random_below(8) ? random_model(&type) : x;
        union datum a = from_model(&type, &x), b = from_model(&type, &y);

        check_union(a, b, &type, &x, &y);
        check_subtract(a, b, &type, &x, &y, false);
        check_subtract_keys(a, &type, &x, &y);
        check_inclusion(a, b, &type, &x, &y);
        check_diff(a, b, &type, &x, &y);
        assert_int_equal(datum_equals(a, b, &type), !memcmp(&x, &y, sizeof(x)));
        datum_done(b, &type);
        datum_done(a, &type);
    }
    type_done(&type);
}

static void test_sets(void **state)
{
    check_type("{\"key\":\"integer\",\"min\":0,\"max\":\"unlimited\"}");
    check_type("{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}");
    check_type("{\"key\":\"uuid\",\"min\":0,\"max\":\"unlimited\"}");
}

static void test_maps(void **state)
{
    check_type("{\"key\":\"integer\",\"value\":\"integer\",\"min\":0,\"max\":\"unlimited\"}");
    check_type("{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":\"unlimited\"}");
    check_type("{\"key\":\"string\",\"value\":\"uuid\",\"min\":0,\"max\":\"unlimited\"}");
}

// A large set and a small one, whose elements are searched instead of merged.
static void test_lookup(void **state)
{
    struct type type = make_type("{\"key\":\"integer\",\"min\":0,\"max\":\"unlimited\"}");
    union datum big = DATUM_EMPTY, result, small;
    union atom *keys = NEW_ARRAY(union atom, 1000);

    for (int i = 0; i < 1000; i++) {
        keys[i].integer = i * 2;
    }
    assert_null(datum_build(&type, keys, NULL, 1000, &big));
    small = make_datum(&type, "[\"set\",[0,500,1998]]");
    result = datum_union(big, small, &type);
    assert_ptr_equal(result.elems, big.elems); // nothing new: shared
    datum_done(result, &type);
    datum_done(small, &type);
    small = make_datum(&type, "[\"set\",[1,500]]");
    result = datum_union(big, small, &type);
    assert_int_equal(result.elems->n, 1001);
    assert_datum_sorted(result, &type);
    datum_done(result, &type);
    result = datum_subtract(big, small, &type, false);
    assert_int_equal(result.elems->n, 999);
    assert_null(datum_find(&result, &type, (union atom){.integer = 500}, NULL));
    datum_done(result, &type);
    datum_done(small, &type);
    datum_done(big, &type);
    free(keys);
    type_done(&type);
}

// One-element types: the difference is the new value (protocol extensions 4.1.14).
static void test_single_values(void **state)
{
    static const struct {
        const char *type, *old, *new;
    } rows[] = {
        {"\"integer\"", "1", "2"},
        {"\"string\"", "\"a\"", "\"\""},
        {"{\"key\":\"string\",\"min\":0}", "\"a\"", "\"b\""},
        {"{\"key\":\"string\",\"min\":0}", "[\"set\",[]]", "\"b\""},
        {"{\"key\":\"string\",\"min\":0}", "\"a\"", "[\"set\",[]]"},
        {"{\"key\":\"string\",\"value\":\"integer\",\"min\":0}", "[\"map\",[[\"a\",1]]]",
         "[\"map\",[[\"b\",1]]]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct type type = make_type(rows[i].type);
        union datum old = make_datum(&type, rows[i].old), new = make_datum(&type, rows[i].new);
        union datum diff = datum_diff(old, new, &type), result;

        assert_datum_is(diff, &type, rows[i].new);
        assert_null(datum_apply_diff(old, diff, &type, &result));
        assert_datum_is(result, &type, rows[i].new);
        datum_done(result, &type);
        datum_done(diff, &type);
        datum_done(new, &type);
        datum_done(old, &type);
        type_done(&type);
    }
}

static void test_wrong_differences(void **state)
{
    struct type type = make_type("{\"key\":\"integer\",\"min\":1,\"max\":2}");
    union datum old = make_datum(&type, "[\"set\",[1,2]]"), diff, result;

    diff = make_datum(&type, "[\"set\",[1,2]]");
    assert_error_is(datum_apply_diff(old, diff, &type, &result), ERROR_CONSTRAINT, "0 elements");
    datum_done(diff, &type);
    diff = make_datum(&type, "[\"set\",[3]]");
    assert_error_is(datum_apply_diff(old, diff, &type, &result), ERROR_CONSTRAINT, "3 elements");
    datum_done(diff, &type);
    datum_done(old, &type);
    type_done(&type);
}

static void test_scalars(void **state)
{
    struct type type = make_type("\"string\"");
    union datum a = make_datum(&type, "\"a\""), b = make_datum(&type, "\"b\"");

    assert_true(datum_includes_all(a, a, &type));
    assert_false(datum_includes_all(a, b, &type));
    assert_true(datum_excludes_all(a, b, &type));
    assert_false(datum_excludes_all(a, a, &type));
    datum_done(a, &type);
    datum_done(b, &type);
    type_done(&type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_single_values),
        cmocka_unit_test(test_wrong_differences),
        cmocka_unit_test(test_scalars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

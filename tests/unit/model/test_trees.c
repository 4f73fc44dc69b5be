// SPDX-License-Identifier: Apache-2.0
// Large sets and maps against a naive model, an array indexed by key. Each round makes a new
// version from the last one; former versions must stay as they were.
#include "model_unit.h"

#define N_KEYS     1500
#define N_ROUNDS   60
#define N_VERSIONS 8

// The value of each key, 0 for absent keys. In a set all values are 1.
struct model {
    int values[N_KEYS];
};

struct version {
    struct model model;
    union datum datum;
};

static union datum from_model(const struct type *type, const struct model *model)
{
    static union atom keys[N_KEYS], values[N_KEYS];
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

// Few or many keys, spread over all or side by side.
static void random_changes(const struct type *type, struct model *ret)
{
    static const unsigned numbers[] = {1, 1, 1, 3, 60, 500, 1450};
    unsigned n = numbers[random_below(ARRAY_SIZE(numbers))];
    unsigned first = random_below(N_KEYS);
    bool is_spread = random_below(2);

    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; i < n; i++) {
        unsigned key = is_spread ? random_below(N_KEYS) : (first + i) % N_KEYS;

        ret->values[key] = type_is_map(type) ? 1 + (int)random_below(3) : 1;
    }
}

static struct model apply(const struct model *old, const struct model *changes,
                          enum elems_edit kind)
{
    struct model result = *old;

    for (int i = 0; i < N_KEYS; i++) {
        int a = old->values[i], b = changes->values[i];

        if (b && (kind == ELEMS_ADD ? !a : kind == ELEMS_TOGGLE && a != b)) {
            result.values[i] = b;
        } else if (b && kind != ELEMS_ADD && a == b) {
            result.values[i] = 0;
        }
    }
    return result;
}

static union datum edit(union datum a, union datum b, const struct type *type, enum elems_edit kind)
{
    union datum result;

    switch (kind) {
    case ELEMS_ADD:
        return datum_union(a, b, type);
    case ELEMS_REMOVE:
        return datum_subtract(a, b, type, false);
    default:
        assert_null(datum_apply_diff(a, b, type, &result));
        return result;
    }
}

// Checks that the version has the elements of its model, in a form in which nothing is lost.
static void check_version(const struct version *version, const struct type *type)
{
    union datum expected = from_model(type, &version->model);

    assert_datum_sorted(version->datum, type);
    assert_true(datum_equals(version->datum, expected, type));
    assert_true(datum_equals(expected, version->datum, type));
    assert_int_equal(datum_compare(version->datum, expected, type), 0);
    assert_int_equal(datum_hash(version->datum, type, 7), datum_hash(expected, type, 7));
    datum_done(expected, type);
}

// The keys of both, in order, are what elems_start() and elems_find() find.
static void check_reading(const struct version *version, const struct type *type)
{
    struct elems_cursor cursor;

    datum_start(&version->datum, type, &cursor);
    for (int i = 0; i < N_KEYS; i++) {
        union atom key = make_atom(type->key.type, i);
        const union atom *value = NULL, *found = datum_find(&version->datum, type, key, &value);

        assert_int_equal(found != NULL, version->model.values[i] != 0);
        if (found) {
            assert_ptr_equal(cursor.key, found);
            assert_true(!type_is_map(type) || value == cursor.value);
            elems_next(&cursor);
        }
        atom_done(key, type->key.type);
    }
    assert_null(cursor.key);
}

static void check_difference(const struct version *old, const struct version *new,
                             const struct type *type)
{
    union datum diff = datum_diff(old->datum, new->datum, type), result, expected;
    struct model model = {0};

    for (int i = 0; i < N_KEYS; i++) {
        int a = old->model.values[i], b = new->model.values[i];

        model.values[i] = a == b ? 0 : b ? b : a;
    }
    expected = from_model(type, &model);
    assert_true(datum_equals(diff, expected, type));
    assert_datum_sorted(diff, type);
    assert_null(datum_apply_diff(old->datum, diff, type, &result));
    assert_true(datum_equals(result, new->datum, type));
    assert_int_equal(datum_equals(old->datum, new->datum, type),
                     !memcmp(&old->model, &new->model, sizeof(old->model)));
    datum_done(result, type);
    datum_done(expected, type);
    datum_done(diff, type);
}

static void next_version(const struct version *old, struct version *new, const struct type *type)
{
    enum elems_edit kinds[] = {ELEMS_ADD, ELEMS_REMOVE, ELEMS_TOGGLE};
    enum elems_edit kind = kinds[random_below(ARRAY_SIZE(kinds))];
    struct model changes;
    union datum operand;

    random_changes(type, &changes);
    operand = from_model(type, &changes);
    new->model = apply(&old->model, &changes, kind);
    new->datum = edit(old->datum, operand, type, kind);
    if (!memcmp(&old->model, &new->model, sizeof(old->model))) {
        assert_ptr_equal(old->datum.elems, new->datum.elems);
    }
    datum_done(operand, type);
}

static void check_type(const char *type_json)
{
    static struct version versions[N_VERSIONS];
    struct type type = make_type(type_json);

    memset(versions, 0, sizeof(versions));
    for (int round = 1; round < N_ROUNDS; round++) {
        struct version *old = &versions[(round - 1) % N_VERSIONS];
        struct version *new = &versions[round % N_VERSIONS];

        check_version(new, &type);
        datum_done(new->datum, &type);
        next_version(old, new, &type);
        check_version(new, &type);
        check_reading(new, &type);
        check_difference(old, new, &type);
        check_difference(&versions[random_below(N_VERSIONS)], new, &type);
    }
    for (int i = 0; i < N_VERSIONS; i++) {
        check_version(&versions[i], &type);
        datum_done(versions[i].datum, &type);
    }
    type_done(&type);
}

static void test_sets(void **state)
{
    check_type("{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}");
    check_type("{\"key\":\"uuid\",\"min\":0,\"max\":\"unlimited\"}");
}

static void test_maps(void **state)
{
    check_type("{\"key\":\"integer\",\"value\":\"integer\",\"min\":0,\"max\":\"unlimited\"}");
    check_type("{\"key\":\"string\",\"value\":\"string\",\"min\":0,\"max\":\"unlimited\"}");
}

static struct model full_model(int step)
{
    struct model model = {0};

    for (int i = 0; i < N_KEYS; i += step) {
        model.values[i] = 1;
    }
    return model;
}

// A set of one element that `number` stands for.
static union datum one(const struct type *type, int number)
{
    union atom atom = make_atom(type->key.type, number);
    union datum datum = datum_from_sorted(type, &atom, NULL, 1);

    atom_done(atom, type->key.type);
    return datum;
}

// A set that differs in one element shares all nodes but those on the path to it, in both
// directions; so the size of what is new does not grow with the set.
static void test_one_element_changes_one_path(void **state)
{
    struct type type = make_type("{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}");
    struct model model = full_model(2);
    union datum set = from_model(&type, &model);

    for (int i = 1; i < N_KEYS; i += 14) {
        union datum element = one(&type, i), larger = datum_union(set, element, &type);
        union datum again = datum_subtract(larger, element, &type, false);
        struct elems_delta delta;

        datum_delta_start(set, larger, &type, &delta);
        assert_true(elems_delta_next(&delta));
        assert_null(delta.old_key);
        assert_true(atom_equals(*delta.new_key, *datum_first(&element, &type), ATOM_STRING));
        assert_false(elems_delta_next(&delta));
        assert_true(delta.new.size <
                    3 * LEAF_MAX * sizeof(union atom) + 3 * INNER_MAX * sizeof(struct elems_child));
        assert_true(datum_equals(set, again, &type));
        datum_delta_start(set, again, &type, &delta);
        assert_false(elems_delta_next(&delta));
        assert_true(delta.new.size <
                    3 * LEAF_MAX * sizeof(union atom) + 3 * INNER_MAX * sizeof(struct elems_child));
        datum_done(again, &type);
        datum_done(larger, &type);
        datum_done(element, &type);
    }
    datum_done(set, &type);
    type_done(&type);
}

// One element after the other, in each order, until the set is empty again.
static void test_growing_and_shrinking(void **state)
{
    struct type type = make_type("{\"key\":\"integer\",\"min\":0,\"max\":\"unlimited\"}");
    static const int steps[] = {1, -1, 1009}; // coprime to N_KEYS

    for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
        union datum set = DATUM_EMPTY;

        for (int i = 0; i < 2 * N_KEYS; i++) {
            int number = (int)(((int64_t)i * steps[j] % N_KEYS + N_KEYS) % N_KEYS);
            union datum element = one(&type, number);
            union datum next = i < N_KEYS ? datum_union(set, element, &type)
                                          : datum_subtract(set, element, &type, false);

            assert_int_equal(datum_n(next, &type), i < N_KEYS ? i + 1 : 2 * N_KEYS - 1 - i);
            if (i % 100 == 0) {
                assert_datum_sorted(next, &type);
            }
            datum_done(element, &type);
            datum_done(set, &type);
            set = next;
        }
        assert_null(set.elems);
    }
    type_done(&type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_one_element_changes_one_path),
        cmocka_unit_test(test_growing_and_shrinking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "model/symbol.h"
#include "model_unit.h"

static union atom make_string(const char *s)
{
    return (union atom){.string = text_new(slice_of(s))};
}

static void test_type_names(void **state)
{
    static const char *const names[] = {"integer", "real", "boolean", "string", "uuid"};
    static const char *const bad[] = {"", "void", "Integer", "int", "integers", "uuid "};
    enum atom_type type = ATOM_VOID;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        json_t *json;

        assert_true(atom_type_parse(slice_of(names[i]), &type));
        assert_int_equal(type, ATOM_INTEGER + i);
        assert_string_equal(atom_type_name(type), names[i]);
        json = atom_type_to_json(type);
        assert_string_equal(json_string_value(json), names[i]);
        json_decref(json);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(atom_type_parse(slice_of(bad[i]), &type));
    }
}

static void test_defaults(void **state)
{
    static const char *const texts[] = {"0", "0", "false", "\"\"",
                                        "[\"uuid\",\"00000000-0000-0000-0000-000000000000\"]"};
    static const char *const others[] = {"1", "-0.5", "true", "\"a\"",
                                         "[\"uuid\",\"00000000-0000-0000-0000-000000000001\"]"};

    for (enum atom_type type = ATOM_INTEGER; type < ATOM_N_TYPES; type++) {
        union atom atom = atom_default(type), other;
        struct buf buf = {0}, scratch = {0};
        struct cursor cursor;

        atom_put(&buf, atom, type);
        assert_string_equal(buf_cstr(&buf), texts[type - ATOM_INTEGER]);
        assert_true(atom_is_default(atom, type));
        cursor_init(&cursor, slice_of(others[type - ATOM_INTEGER]));
        assert_null(atom_decode(&cursor, type, NULL, &scratch, &other));
        assert_false(atom_is_default(other, type));
        assert_false(atom_equals(atom, other, type));
        assert_true(atom_hash(atom, type, 0) != atom_hash(other, type, 0));
        assert_true(atom_hash(atom, type, 0) != atom_hash(atom, type, 1));
        atom_done(atom, type);
        atom_done(other, type);
        buf_done(&scratch);
        buf_done(&buf);
    }
}

// Each array is ascending.
static void check_order(const union atom *atoms, size_t n, enum atom_type type)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int cmp = atom_compare(atoms[i], atoms[j], type);

            assert_int_equal((cmp > 0) - (cmp < 0), (i > j) - (i < j));
            assert_int_equal(atom_equals(atoms[i], atoms[j], type), i == j);
        }
    }
}

static void test_order(void **state)
{
    static const char *const texts[] = {"", "A", "AB", "B", "a", "aa", "é", "😀"};
    const union atom integers[] = {
        {.integer = INT64_MIN}, {.integer = -1}, {.integer = 0}, {.integer = INT64_MAX}};
    const union atom reals[] = {
        {.real = -1e300}, {.real = -0.5}, {.real = 0}, {.real = 1e-300}, {.real = 2}};
    const union atom booleans[] = {{.boolean = false}, {.boolean = true}};
    const union atom uuids[] = {
        {.uuid = {0, 0}}, {.uuid = {0, UINT64_MAX}}, {.uuid = {1, 0}}, {.uuid = {UINT64_MAX, 0}}};
    union atom strings[ARRAY_SIZE(texts)];

    check_order(integers, ARRAY_SIZE(integers), ATOM_INTEGER);
    check_order(reals, ARRAY_SIZE(reals), ATOM_REAL);
    check_order(booleans, ARRAY_SIZE(booleans), ATOM_BOOLEAN);
    check_order(uuids, ARRAY_SIZE(uuids), ATOM_UUID);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        strings[i] = make_string(texts[i]);
    }
    check_order(strings, ARRAY_SIZE(strings), ATOM_STRING);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        atom_done(strings[i], ATOM_STRING);
    }
}

static void test_zeros(void **state)
{
    union atom plus = {.real = 0.0}, minus = {.real = -0.0};

    assert_true(atom_equals(plus, minus, ATOM_REAL));
    assert_true(atom_is_default(minus, ATOM_REAL));
    assert_true(atom_hash(plus, ATOM_REAL, 7) == atom_hash(minus, ATOM_REAL, 7));
}

static void test_sharing(void **state)
{
    union atom atom = make_string("shared"), copy = atom_copy(atom, ATOM_STRING);
    union atom same = make_string("shared");

    assert_ptr_equal(atom.string, copy.string);
    assert_int_equal(atom.string->refs, 2);
    assert_true(atom_equals(atom, same, ATOM_STRING));
    assert_true(atom_hash(atom, ATOM_STRING, 3) == atom_hash(same, ATOM_STRING, 3));
    atom_done(atom, ATOM_STRING);
    assert_string_equal(copy.string->data, "shared");
    atom_done(copy, ATOM_STRING);
    atom_done(same, ATOM_STRING);
}

static struct ovsdb_error *decode_uuid(const char *text, struct symbol_table *symbols,
                                       struct uuid *ret)
{
    struct buf scratch = {0};
    struct ovsdb_error *error;
    struct cursor cursor;
    union atom atom = {.uuid = UUID_ZERO};

    cursor_init(&cursor, slice_of(text));
    error = atom_decode(&cursor, ATOM_UUID, symbols, &scratch, &atom);
    *ret = atom.uuid;
    buf_done(&scratch);
    return error;
}

static void test_named_uuids(void **state)
{
    struct symbol_table symbols = {.new_uuid = uuid_random};
    struct symbol *symbol = symbol_table_get(&symbols, SLICE("row1"));
    struct uuid uuid, again;

    assert_false(symbol->referenced);
    assert_false(symbol->created);
    assert_null(decode_uuid("[\"named-uuid\",\"row1\"]", &symbols, &uuid));
    assert_true(uuid_equals(uuid, symbol->uuid));
    assert_true(symbol->referenced);
    assert_null(decode_uuid(" [ \"named-uuid\" , \"ro\\u0077\" ] ", &symbols, &uuid));
    assert_false(uuid_equals(uuid, symbol->uuid));
    assert_null(decode_uuid("[\"named-uuid\",\"row\"]", &symbols, &again));
    assert_true(uuid_equals(uuid, again));
    assert_ptr_equal(symbol_table_get(&symbols, SLICE("row1")), symbol);
    assert_error_is(decode_uuid("[\"named-uuid\",\"row1\"]", NULL, &uuid), ERROR_SYNTAX,
                    "expected [\"uuid\", <string>]");
    symbol_table_done(&symbols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_names), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_order),      cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_sharing),    cmocka_unit_test(test_named_uuids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

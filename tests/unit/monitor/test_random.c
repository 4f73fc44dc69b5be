// SPDX-License-Identifier: Apache-2.0
// The updates of a monitor, applied to its initial contents, give the current contents of the
// table. Random commits, runs and slow clients; several monitors with different formats, columns
// and conditions. The clients of this test are strict. It is an error to insert a row that the
// client has, to change a row that it does not have, to send an "old" that differs from the
// client's row, and to send a change without effect. After each step hub_check_structures() checks
// the hub.
#include "monitor_unit.h"

#include "json/framer.h"

#define N_ROWS     12 // UUIDs in use
#define N_STEPS    4000
#define N_MONITORS 10

struct replica {
    struct unit_monitor um;
    struct row *rows[N_ROWS];
    bool conditional;
};

struct fixture {
    struct db *db;
    struct hub *hub;
    struct replica replicas[N_MONITORS];
    struct buf scratch;
};

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

static const struct monitor_table *table_a(const struct replica *replica)
{
    return &monitor_spec(&replica->um.monitor)->tables[0];
}

// Sets the columns of <row>; with `diff` the values are differences.
static void set_columns(struct fixture *fixture, struct row *row, struct slice json, bool diff)
{
    struct cursor cursor;

    cursor_init(&cursor, json);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        const struct column *column =
            table_schema_find_column(row->table, cursor_name(&cursor, &fixture->scratch));
        union datum datum;

        assert_non_null(column);
        assert_null(datum_decode(&cursor, &column->type, DATUM_CHECK_NOTHING, NULL,
                                 &fixture->scratch, &datum));
        if (diff) {
            union datum result;

            assert_null(datum_apply_diff(row_get(row, column), datum, &column->type, &result));
            assert_false(datum_equals(row_get(row, column), result, &column->type));
            datum_done(datum, &column->type);
            datum = result;
        }
        row_set(row, column, datum);
    }
}

// Every column of <row> must be as in `row`.
static void check_columns(struct fixture *fixture, const struct row *row, struct slice json)
{
    struct row *other = row_clone(row);

    set_columns(fixture, other, json, false);
    assert_true(row_equals(row, other));
    row_unref(other);
}

static struct row *new_row(struct fixture *fixture, struct uuid uuid, struct slice json)
{
    struct row *row = row_new(unit_table(fixture->db, "A"), uuid);

    set_columns(fixture, row, json, false);
    return row;
}

// Replaces *have, and frees it.
static void replace(struct row **have, struct row *row)
{
    row_unref(*have);
    *have = row;
}

static void apply_v1(struct fixture *fixture, struct row **have, struct uuid uuid, struct slice old,
                     struct slice new)
{
    assert_int_equal(old.data != NULL, *have != NULL);
    if (old.data) {
        check_columns(fixture, *have, old);
    }
    if (old.data && new.data) {
        assert_int_not_equal(json_count(old), 0);
    }
    replace(have, new.data ? new_row(fixture, uuid, new) : NULL);
}

static void apply_v2(struct fixture *fixture, struct row **have, struct uuid uuid,
                     struct slice kind, struct slice value)
{
    if (slice_is(kind, "insert")) {
        assert_null(*have);
        *have = new_row(fixture, uuid, value);
    } else if (slice_is(kind, "delete")) {
        assert_non_null(*have);
        replace(have, NULL);
    } else {
        struct row *row;

        assert_true(slice_is(kind, "modify"));
        assert_non_null(*have);
        assert_int_not_equal(json_count(value), 0);
        row = row_clone(*have);
        set_columns(fixture, row, value, true);
        replace(have, row);
    }
}

static void apply_row(struct fixture *fixture, struct replica *replica, struct slice uuid_text,
                      struct slice update)
{
    struct slice old = SLICE_EMPTY, new = SLICE_EMPTY;
    struct cursor cursor;
    struct uuid uuid;

    assert_true(uuid_parse(uuid_text, &uuid));
    cursor_init(&cursor, update);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &fixture->scratch);
        struct slice value = cursor_skip(&cursor);

        if (slice_is(name, "old")) {
            old = value;
        } else if (slice_is(name, "new")) {
            new = value;
        } else {
            apply_v2(fixture, &replica->rows[uuid.lo], uuid, name, value);
            return;
        }
    }
    apply_v1(fixture, &replica->rows[uuid.lo], uuid, old, new);
}

static void apply_message(struct fixture *fixture, struct replica *replica, struct slice message)
{
    struct cursor cursor;
    struct slice updates = SLICE_EMPTY;

    cursor_init(&cursor, message);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        bool is_params = slice_is(cursor_name(&cursor, &fixture->scratch), "params");
        struct slice value = cursor_skip(&cursor);
        struct cursor params;

        if (is_params) {
            cursor_init(&params, value);
            for (more = cursor_enter(&params); more; more = cursor_more(&params)) {
                updates = cursor_skip(&params);
            }
        }
    }
    cursor_init(&cursor, updates);
    if (!cursor_enter(&cursor)) {
        assert_int_equal(monitor_spec(&replica->um.monitor)->version, MONITOR_V3);
        return; // after a change of the condition: says only which state this is
    }
    assert_true(slice_is(cursor_name(&cursor, &fixture->scratch), "A"));
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        char name[UUID_LEN];
        struct slice uuid = cursor_name(&cursor, &fixture->scratch);

        assert_int_equal(uuid.size, UUID_LEN);
        memcpy(name, uuid.data, UUID_LEN);
        apply_row(fixture, replica, (struct slice){name, UUID_LEN}, cursor_skip(&cursor));
    }
}

static void read_all(struct fixture *fixture, struct replica *replica)
{
    struct buf *output = &replica->um.output;
    struct framer framer;

    framer_init(&framer, SIZE_MAX);
    for (size_t at = 0; at < output->size;) {
        size_t consumed;

        assert_int_equal(framer_feed(&framer, output->data + at, output->size - at, &consumed),
                         FRAMER_DONE);
        apply_message(fixture, replica, (struct slice){output->data + at, consumed});
        at += consumed;
    }
    buf_clear(output);
}

static void check_row(const struct replica *replica, const struct row *have, const struct row *row)
{
    const struct monitor_table *table = table_a(replica);

    if (row && !monitor_table_matches(table, row)) {
        row = NULL;
    }
    assert_int_equal(have != NULL, row != NULL);
    for (size_t i = 0; row && i < table->n_columns; i++) {
        const struct column *column = table->columns[i].column;

        assert_true(datum_equals(row_get(have, column), row_get(row, column), &column->type));
    }
}

static void check_replica(struct fixture *fixture, struct replica *replica)
{
    const struct table *rows = db_table(fixture->db, unit_table(fixture->db, "A"));

    for (size_t i = 0; i < N_ROWS; i++) {
        check_row(replica, replica->rows[i], table_find(rows, (struct uuid){0, i}));
    }
}

static void change_value(struct fixture *fixture, struct row *row)
{
    const struct column *column;

    switch (random_below(4)) {
    case 0:
        column = unit_column(fixture->db, "A", "i");
        row_set(row, column, (union datum){.scalar.integer = (int64_t)random_below(4)});
        break;
    case 1: {
        const union atom key = {.integer = (int64_t)random_below(5)};

        column = unit_column(fixture->db, "A", "set");
        row_set(row, column, datum_from_sorted(&column->type, &key, NULL, random_below(2)));
        break;
    }
    case 2: {
        const union atom key = {.string = text_new(random_below(2) ? SLICE("k") : SLICE("l"))};
        const union atom value = {.integer = (int64_t)random_below(3)};

        column = unit_column(fixture->db, "A", "map");
        row_set(row, column, datum_from_sorted(&column->type, &key, &value, 1));
        text_unref(key.string);
        break;
    }
    default: {
        const union atom key = {.integer = (int64_t)random_below(3)};

        column = unit_column(fixture->db, "A", "opt");
        row_set(row, column, datum_from_sorted(&column->type, &key, NULL, random_below(2)));
        break;
    }
    }
}

static void commit_randomly(struct fixture *fixture)
{
    const struct table_schema *table = unit_table(fixture->db, "A");
    struct txn *txn = txn_new(fixture->db);

    for (uint64_t n = random_below(4) + 1; n; n--) {
        struct uuid uuid = {0, random_below(N_ROWS)};
        bool exists = txn_find(txn, table, uuid);
        struct row *row = exists ? NULL : txn_insert(txn, table, uuid);

        if (exists && !random_below(4)) {
            txn_delete(txn, table, uuid);
        } else if (exists || row) {
            change_value(fixture, exists ? txn_modify(txn, table, uuid) : row);
        }
    }
    unit_commit(txn);
}

static void put_uuids(struct buf *requests)
{
    buf_puts(requests, "{\"A\":[{\"where\":[false");
    for (uint64_t n = random_below(9); n; n--) {
        char text[UUID_TEXT_SIZE];

        buf_printf(requests, ",[\"_uuid\",\"==\",[\"uuid\",\"%s\"]]",
                   uuid_text((struct uuid){0, random_below(N_ROWS + 1)}, text));
    }
    buf_puts(requests, "]}]}");
}

static void change_condition(struct replica *replica)
{
    static const char long_list[] =
        "{\"A\":[{\"where\":[[\"i\",\"==\",0],[\"i\",\"==\",2],[\"i\",\"==\",2],[\"opt\",\"==\",1],"
        "[\"opt\",\"==\",2],[\"set\",\"==\",4],false]}]}";
    _cleanup_buf_ struct buf requests = {0};
    struct monitor_spec *spec;

    switch (random_below(6)) {
    case 0:
        buf_puts(&requests, long_list);
        break;
    case 1:
    case 2:
        buf_printf(&requests, "{\"A\":[{\"where\":[[\"i\",\"%s\",%d]]}]}",
                   random_below(2) ? "<" : "==", (int)random_below(5));
        break;
    default:
        put_uuids(&requests);
        break;
    }
    assert_null(
        monitor_spec_change(monitor_spec(&replica->um.monitor), buf_slice(&requests), &spec));
    monitor_change(&replica->um.monitor, spec, text_ref(replica->um.monitor.id));
}

static void step_randomly(struct fixture *fixture)
{
    struct replica *replica = &fixture->replicas[random_below(N_MONITORS)];

    switch (random_below(8)) {
    case 0:
        replica->um.slow = true;
        break;
    case 1:
    case 2:
        replica->um.slow = false;
        monitor_resume(&replica->um.monitor);
        break;
    case 3:
        monitor_flush(&replica->um.monitor);
        read_all(fixture, replica);
        check_replica(fixture, replica);
        break;
    case 4:
        if (replica->conditional && !random_below(4)) {
            change_condition(replica);
            read_all(fixture, replica);
            check_replica(fixture, replica);
        }
        break;
    case 5:
        unit_run(fixture->hub);
        for (size_t i = 0; i < N_MONITORS; i++) {
            read_all(fixture, &fixture->replicas[i]);
            if (!fixture->replicas[i].um.slow && !fixture->replicas[i].um.monitor.is_behind) {
                check_replica(fixture, &fixture->replicas[i]);
            }
        }
        break;
    default:
        commit_randomly(fixture);
        break;
    }
}

static void test_replicas(void **state)
{
    static const struct {
        enum monitor_version version;
        const char *requests;
        bool conditional;
    } kinds[N_MONITORS] = {
        {MONITOR_V1, "{\"A\":{\"columns\":[\"i\",\"set\",\"map\",\"opt\"]}}"},
        {MONITOR_V1, "{\"A\":{\"columns\":[\"map\",\"opt\",\"i\",\"set\"]}}"},
        {MONITOR_V1, "{\"A\":[{\"columns\":[\"set\"]},{\"columns\":[\"opt\"]}]}"},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"i\",\"set\",\"map\",\"opt\"]}}", true},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"set\"],\"where\":[[\"i\",\"<\",2]]}}", true},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"set\"],\"where\":[[\"i\",\"<\",2]]}}", true},
        {MONITOR_V2,
         "{\"A\":{\"columns\":[\"opt\"],\"where\":[[\"i\",\"==\",1],[\"opt\",\"==\",2]]}}", true},
        {MONITOR_V2, "{\"A\":{\"columns\":[\"i\",\"set\"],\"where\":[[\"set\",\"==\",3],false]}}"},
        {MONITOR_V3, "{\"A\":{\"columns\":[\"i\",\"map\"]}}", true},
        {MONITOR_V3, "{\"A\":{\"columns\":[\"i\",\"map\"]},\"B\":{}}", true},
    };
    struct fixture fixture = {.db = unit_db()};

    fixture.hub = hub_new(fixture.db, &unit_sink);
    for (size_t i = 0; i < N_MONITORS; i++) {
        unit_monitor_start(&fixture.replicas[i].um, fixture.hub,
                           unit_spec(fixture.db, kinds[i].version, kinds[i].requests), "7", 0);
        fixture.replicas[i].conditional = kinds[i].conditional;
    }
    for (int i = 0; i < N_STEPS; i++) {
        step_randomly(&fixture);
        hub_check_structures(fixture.hub);
    }
    for (size_t i = 0; i < N_MONITORS; i++) {
        struct replica *replica = &fixture.replicas[i];

        monitor_flush(&replica->um.monitor);
        read_all(&fixture, replica);
        check_replica(&fixture, replica);
        unit_monitor_done(&replica->um);
        for (size_t j = 0; j < N_ROWS; j++) {
            row_unref(replica->rows[j]);
        }
    }
    assert_int_equal(fixture.hub->views.n, 0);
    hub_free(fixture.hub);
    buf_done(&fixture.scratch);
    db_free(fixture.db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_replicas)};

    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// A database in memory, commits to it, and a monitor whose output is kept in a buffer.
#pragma once

#include "engine/txn.h"
#include "monitor/view.h"
#include "schema_file.h"

static inline struct db *unit_db(void)
{
    _cleanup_schema_ struct schema *schema = schema_of_file("monitor/unit.ovsschema");

    return db_new(schema, uuid_random);
}

static inline const struct table_schema *unit_table(const struct db *db, const char *name)
{
    return schema_find_table(db_schema(db), slice_of(name));
}

static inline const struct column *unit_column(const struct db *db, const char *table,
                                               const char *column)
{
    return table_schema_find_column(unit_table(db, table), slice_of(column));
}

static inline void unit_commit(struct txn *txn)
{
    struct changeset *changes;
    uint64_t position;

    assert_null(txn_commit(txn, false, &changes, &position));
    txn_free(txn);
}

// Sets the value of one integer column in one row, making the row if there is none, and commits.
static inline void unit_set(struct db *db, const char *table, uint64_t uuid, const char *column,
                            int64_t value)
{
    struct txn *txn = txn_new(db);
    struct uuid id = {.hi = 0, .lo = uuid};
    struct row *row = txn_find(txn, unit_table(db, table), id)
                          ? txn_modify(txn, unit_table(db, table), id)
                          : txn_insert(txn, unit_table(db, table), id);

    row_set(row, unit_column(db, table, column), (union datum){.scalar.integer = value});
    unit_commit(txn);
}

static inline void unit_delete(struct db *db, const char *table, uint64_t uuid)
{
    struct txn *txn = txn_new(db);

    txn_delete(txn, unit_table(db, table), (struct uuid){.hi = 0, .lo = uuid});
    unit_commit(txn);
}

static inline struct monitor_spec *unit_spec(const struct db *db, enum monitor_version version,
                                             const char *requests)
{
    struct monitor_spec *spec;

    assert_null(monitor_spec_parse(db_schema(db), version, slice_of(requests), &spec));
    return spec;
}

// Decodes a condition on table A or another. The caller ends it with condition_done().
static inline struct condition unit_condition(const struct db *db, const char *table,
                                              const char *json)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct condition condition;
    struct cursor cursor;

    cursor_init(&cursor, slice_of(json));
    assert_null(condition_decode(&cursor, unit_table(db, table), NULL, &scratch, &condition));
    return condition;
}

// Decodes a value of a column. The caller owns it.
static inline union datum unit_datum(const struct column *column, const char *json)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    union datum datum;

    cursor_init(&cursor, slice_of(json));
    assert_null(datum_decode(&cursor, &column->type, DATUM_CHECK_ALL, NULL, &scratch, &datum));
    return datum;
}

// Rows 0 to `n` - 1 in A, whose i and opt are number % n_values, opt empty for the last of these,
// and whose s is "row (number % 5)".
static inline struct db *unit_filled_db(uint64_t n, unsigned n_values)
{
    struct db *db = unit_db();
    const struct column *opt = unit_column(db, "A", "opt");
    struct txn *txn = txn_new(db);

    for (uint64_t number = 0; number < n; number++) {
        struct row *row = txn_insert(txn, unit_table(db, "A"), (struct uuid){0, number});
        unsigned value = (unsigned)(number % n_values);
        char text[16];

        snprintf(text, sizeof(text), value == n_values - 1 ? "[\"set\",[]]" : "%u", value);
        row_set(row, opt, unit_datum(opt, text));
        row_set(row, unit_column(db, "A", "i"), (union datum){.scalar.integer = value});
        snprintf(text, sizeof(text), "row %u", (unsigned)(number % 5));
        row_set(row, unit_column(db, "A", "s"),
                (union datum){.scalar.string = text_new(slice_of(text))});
    }
    unit_commit(txn);
    return db;
}

// A monitor, with its output.
struct unit_monitor {
    struct monitor monitor;
    struct chunks initial;
    struct uuid initial_txn_id;
    struct buf output;
    bool slow;
    size_t n_shared; // pieces sent by reference
};

static inline void unit_initial(struct monitor *monitor, const struct chunks *contents,
                                struct uuid txn_id)
{
    struct unit_monitor *um = CONTAINER_OF(monitor, struct unit_monitor, monitor);

    assert_int_equal(um->initial.n, 0); // once only
    assert_int_equal(um->output.size, 0);
    chunks_copy(&um->initial, contents);
    um->initial_txn_id = txn_id;
}

static inline bool unit_may_send(struct monitor *monitor)
{
    return !CONTAINER_OF(monitor, struct unit_monitor, monitor)->slow;
}

static inline void unit_send(struct monitor *monitor, struct slice text)
{
    buf_put_slice(&CONTAINER_OF(monitor, struct unit_monitor, monitor)->output, text);
}

static inline void unit_send_shared(struct monitor *monitor, struct text *text)
{
    CONTAINER_OF(monitor, struct unit_monitor, monitor)->n_shared++;
    unit_send(monitor, text_slice(text));
}

static const struct monitor_sink unit_sink = {unit_initial, unit_may_send, unit_send,
                                              unit_send_shared};

static inline void unit_monitor_init(struct unit_monitor *um, struct hub *hub,
                                     struct monitor_spec *spec, const char *id)
{
    *um = (struct unit_monitor){0};
    monitor_init(&um->monitor, hub, spec, text_new(slice_of(id)));
}

// The same, and starts it; true if the initial contents have been sent.
static inline bool unit_monitor_start(struct unit_monitor *um, struct hub *hub,
                                      struct monitor_spec *spec, const char *id, usec_t now)
{
    unit_monitor_init(um, hub, spec, id);
    return monitor_start(&um->monitor, now);
}

static inline void assert_initial(const struct unit_monitor *um, const char *expected)
{
    _cleanup_buf_ struct buf text = {0};

    chunks_put(&text, &um->initial);
    assert_string_equal(buf_cstr(&text), expected);
}

static inline void unit_monitor_done(struct unit_monitor *um)
{
    monitor_done(&um->monitor);
    chunks_done(&um->initial);
    buf_done(&um->output);
}

// Fails unless this is the output since the last call.
static inline void assert_sent(struct unit_monitor *um, const char *expected)
{
    assert_string_equal(buf_cstr(&um->output), expected);
    buf_clear(&um->output);
}

static inline void unit_run(struct hub *hub)
{
    size_t budget = SIZE_MAX;

    assert_false(hub_run(hub, 0, &budget));
}

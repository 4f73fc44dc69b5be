// SPDX-License-Identifier: Apache-2.0
// The state of a request being run, and its operations. For this layer only.
//
// Each run_X() runs one operation: it appends the result object to run->result and returns NULL, or
// appends nothing and returns an error.
#pragma once

#include "basic/clock.h"
#include "engine/internal.h"
#include "engine/operation.h"
#include "engine/query.h"
#include "model/symbol.h"

struct run {
    struct db *db;
    struct txn *txn;
    const struct transact_request *request;
    struct buf *result;
    struct buf scratch;
    struct symbol_table symbols;
    struct query query;
    bool durable;
    bool must_restart; // an insert gives another UUID to a name that was used before it
    bool is_restarted;
    // The tables of the "wait" operations so far.
    const struct table_schema **tables;
    size_t n_tables, tables_capacity;
    bool is_waiting; // the last "wait" is not fulfilled
    usec_t timeout;
};

struct ovsdb_error *run_insert(struct run *run, const struct operation *operation);
struct ovsdb_error *run_select(struct run *run, const struct operation *operation);
struct ovsdb_error *run_update(struct run *run, const struct operation *operation);
struct ovsdb_error *run_mutate(struct run *run, const struct operation *operation);
struct ovsdb_error *run_delete(struct run *run, const struct operation *operation);
struct ovsdb_error *run_wait(struct run *run, const struct operation *operation);

// Gives a name in advance the UUID of an insert with "uuid" and "uuid-name".
void run_learn_name(struct run *run, const struct operation *operation);
// Decodes "where" and finds its rows: run->query.
struct ovsdb_error *run_where(struct run *run, const struct operation *operation);
// Decodes a <row> (RFC 7047 5.1) and calls `set` for each member in order, which takes ownership of
// the value. _uuid and _version are included. If a member is repeated, the last one counts.
struct ovsdb_error *run_decode_row(
    struct run *run, struct slice text, const struct table_schema *table,
    void (*set)(void *context, const struct column *column, union datum datum), void *context);

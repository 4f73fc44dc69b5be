// SPDX-License-Identifier: Apache-2.0
// A request being run: what its operations share, and the operations. For this layer only.
//
// Each run_X() writes its result object and returns NULL, or writes nothing and returns the error.
#pragma once

#include "engine/internal.h"
#include "engine/operation.h"
#include "engine/query.h"
#include "engine/transact.h"
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
    bool must_restart; // an insert gives a UUID to a name that has been used with another one
    bool is_restarted;
    // Of the "wait" operations so far.
    const struct table_schema **tables;
    size_t n_tables, tables_capacity;
    bool is_waiting; // the last one is not fulfilled; not an error
    usec_t timeout;
};

struct ovsdb_error *run_insert(struct run *run, const struct operation *operation);
struct ovsdb_error *run_select(struct run *run, const struct operation *operation);
struct ovsdb_error *run_update(struct run *run, const struct operation *operation);
struct ovsdb_error *run_mutate(struct run *run, const struct operation *operation);
struct ovsdb_error *run_delete(struct run *run, const struct operation *operation);
struct ovsdb_error *run_wait(struct run *run, const struct operation *operation);

// Lets a name stand for the UUID that an insert with "uuid" and "uuid-name" will give it.
void run_learn_name(struct run *run, const struct operation *operation);
// Decodes "where" and finds its rows: run->query.
struct ovsdb_error *run_where(struct run *run, const struct operation *operation);
// Decodes a <row> (RFC 7047 5.1), member by member, and hands each value to `set`, which takes it
// over. _uuid and _version are passed on as well. Of repeated members the last counts.
struct ovsdb_error *run_decode_row(
    struct run *run, struct slice text, const struct table_schema *table,
    void (*set)(void *context, const struct column *column, union datum datum), void *context);

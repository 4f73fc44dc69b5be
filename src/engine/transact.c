// SPDX-License-Identifier: Apache-2.0
// Runs the operations of a request one after another in one transaction. There are three endings:
// an error in an operation (the results of the following ones are null), a "wait" that is not
// fulfilled (no result, no change), or the commit. An error of the commit is an additional element
// at the end of the result array.
#include "engine/transact.h"

#include "basic/counter.h"
#include "engine/run.h"

#include <assert.h>

COUNTER(transactions_run, "Transactions run, those that failed or waited included");
COUNTER(transactions_failed, "Transactions that failed");

static struct ovsdb_error *run_commit(struct run *run, const struct operation *operation)
{
    // RFC 7047 5.2.7; "durable" of one operation is enough.
    run->durable |= json_kind_of(operation->members[MEMBER_DURABLE]) == JSON_KIND_TRUE;
    buf_puts(run->result, "{}");
    return NULL;
}

static struct ovsdb_error *run_comment(struct run *run, const struct operation *operation)
{
    struct cursor cursor;

    cursor_init(&cursor, operation->members[MEMBER_COMMENT]);
    txn_add_comment(run->txn, cursor_string(&cursor, &run->scratch));
    buf_puts(run->result, "{}");
    return NULL;
}

static struct ovsdb_error *run_assert(struct run *run, const struct operation *operation)
{
    const struct transact_request *request = run->request;
    struct cursor cursor;
    struct slice lock;

    cursor_init(&cursor, operation->members[MEMBER_LOCK]);
    lock = cursor_string(&cursor, &run->scratch);
    if (!request->owns_lock || !request->owns_lock(request->userdata, lock)) {
        return error_new(ERROR_NOT_OWNER, "the lock " SLICE_FORMAT " is not held by this client",
                         SLICE_ARGS(lock));
    }
    buf_puts(run->result, "{}");
    return NULL;
}

static struct ovsdb_error *run_operation(struct run *run, const struct operation *operation)
{
    switch (operation->type) {
    case OP_INSERT:
        return run_insert(run, operation);
    case OP_SELECT:
        return run_select(run, operation);
    case OP_UPDATE:
        return run_update(run, operation);
    case OP_MUTATE:
        return run_mutate(run, operation);
    case OP_DELETE:
        return run_delete(run, operation);
    case OP_WAIT:
        return run_wait(run, operation);
    case OP_COMMIT:
        return run_commit(run, operation);
    case OP_COMMENT:
        return run_comment(run, operation);
    case OP_ASSERT:
        return run_assert(run, operation);
    case OP_ABORT:
        break;
    }
    return error_new(ERROR_ABORTED, "aborted by the operation \"abort\"");
}

// Runs the operations and writes the result array without its "]". Returns true if one failed.
static bool run_operations(struct run *run, struct cursor *cursor)
{
    const char *separator = "[";
    bool failed = false;

    while (cursor_more(cursor) && !run->is_waiting && !run->must_restart) {
        struct slice text = cursor_skip(cursor);
        struct operation operation;
        struct ovsdb_error *error;

        buf_puts(run->result, separator);
        separator = ",";
        if (failed) {
            buf_puts(run->result, "null");
            continue;
        }
        error = operation_parse(text, run->db->schema, &run->scratch, &operation);
        error = error ? error : run_operation(run, &operation);
        if (error) {
            error_put(run->result, error);
            error_free(error);
            failed = true;
        }
    }
    if (*separator == '[') {
        buf_putc(run->result, '[');
    }
    return failed;
}

// A name may be used before the insert with "uuid" and "uuid-name" that gives it another UUID. This
// is rare. If it happens, all changes are dropped, these names are collected in advance, and the
// operations run again.
static void run_restart(struct run *run, struct cursor cursor)
{
    txn_reset(run->txn);
    symbol_table_done(&run->symbols);
    run->must_restart = run->is_waiting = run->durable = false;
    run->is_restarted = true;
    while (cursor_more(&cursor)) {
        struct slice text = cursor_skip(&cursor);
        struct operation operation;
        struct ovsdb_error *error =
            operation_parse(text, run->db->schema, &run->scratch, &operation);

        if (!error && operation_has(&operation, MEMBER_UUID) &&
            operation_has(&operation, MEMBER_UUID_NAME)) {
            run_learn_name(run, &operation);
        }
        error_free(error);
    }
}

static void run_done(struct run *run)
{
    txn_free(run->txn);
    buf_done(&run->scratch);
    symbol_table_done(&run->symbols);
    query_done(&run->query);
    free(run->tables);
}

// Commits, unless an operation has failed, and completes the result array.
static void run_finish(struct run *run, struct transact_result *ret)
{
    bool is_empty = run->result->data[run->result->size - 1] == '[';
    struct ovsdb_error *error = NULL;

    if (!ret->failed && !run->request->check_only) {
        error = txn_commit(run->txn, run->durable, &ret->changes, &ret->position);
    }
    if (error) {
        buf_puts(run->result, is_empty ? "" : ",");
        error_put(run->result, error);
        error_free(error);
        ret->failed = true;
    }
    COUNT_N(transactions_failed, ret->failed);
    buf_putc(run->result, ']');
}

struct ovsdb_error *transact_run(struct db *db, const struct transact_request *request,
                                 struct buf *result, enum transact_status *ret_status,
                                 struct transact_result *ret)
{
    _cleanup_(run_done) struct run run = {.db = db, .request = request, .result = result};
    struct cursor cursor, operations;
    size_t size = result->size;

    cursor_init(&cursor, request->params);
    if (cursor_kind(&cursor) != JSON_KIND_ARRAY || !cursor_enter(&cursor) ||
        cursor_kind(&cursor) != JSON_KIND_STRING) {
        return error_syntax(request->params, "the params of \"transact\" begin with a <db-name>");
    }
    cursor_skip(&cursor);
    *ret = (struct transact_result){0};
    run.symbols.new_uuid = db->new_uuid;
    run.txn = txn_new(db);
    COUNT(transactions_run);
    operations = cursor;
    ret->failed = run_operations(&run, &cursor);
    if (run.must_restart) {
        result->size = size;
        run_restart(&run, operations);
        ret->failed = run_operations(&run, &operations);
        assert(!run.must_restart); // all names are known
    }
    if (run.is_waiting) {
        result->size = size;
        ret->timeout = run.timeout;
        ret->tables = TAKE_PTR(run.tables);
        ret->n_tables = run.n_tables;
        *ret_status = TRANSACT_WAIT;
        return NULL;
    }
    run_finish(&run, ret);
    *ret_status = TRANSACT_DONE;
    return NULL;
}

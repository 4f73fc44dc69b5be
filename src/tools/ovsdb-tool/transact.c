// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool query and transact: run a transaction on a database file without a server, and print
// the reply, which may be an error. "query" does not write the changes to the file.
#include "engine/transact.h"
#include "store/store.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"
#include "json/cursor.h"

// The params must be an array that begins with the database's name.
static struct ovsdb_error *check_name(struct slice params, const char *name)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, params);
    if (cursor_kind(&cursor) != JSON_KIND_ARRAY) {
        return error_syntax(params, "array expected");
    }
    if (!cursor_enter(&cursor) || cursor_kind(&cursor) != JSON_KIND_STRING ||
        !slice_is(cursor_string(&cursor, &scratch), name)) {
        return error_syntax(params, "database name expected as first parameter");
    }
    return NULL;
}

static struct ovsdb_error *run(const struct tool_context *context, struct db *db,
                               struct slice params, struct buf *result)
{
    struct transact_request request = {
        .params = params, .role = context->rbac_role, .client_id = context->rbac_id};
    struct transact_result outcome;
    enum transact_status status;
    struct ovsdb_error *error = transact_run(db, &request, result, &status, &outcome);

    if (!error && status == TRANSACT_WAIT) {
        // No other transaction changes this database, so waiting longer would not change the
        // result.
        free((void *)outcome.tables);
        if (outcome.timeout == USEC_INFINITY) {
            return error_new(ERROR_NOT_SUPPORTED, "this \"wait\" would never end");
        }
        request.elapsed = outcome.timeout;
        error = transact_run(db, &request, result, &status, &outcome);
    }
    return error;
}

static void transact(const struct tool_context *context, int argc, char **argv,
                     enum store_mode mode)
{
    const char *path = argc > 1 ? argv[0] : context->default_db;
    struct group_commit *group_commit =
        mode == STORE_READ_WRITE ? group_commit_new(NULL, NULL) : NULL;
    _cleanup_error_ struct ovsdb_error *error = NULL;
    _cleanup_buf_ struct buf result = {0};
    struct store *store;
    struct slice params;

    tool_check(store_open(path, mode, group_commit, progress_bar(), &store, NULL));
    params = tool_parse_json(argv[argc - 1]);
    error = check_name(params, db_schema(store_db(store))->name);
    if (!error) {
        error = run(context, store_db(store), params, &result);
    }
    if (error) {
        buf_clear(&result);
        error_put(&result, error);
    }
    if (group_commit) {
        group_commit_flush(group_commit);
        if (store_failure(store)) {
            tool_fail("%s", store_failure(store));
        }
    }
    store_close(store);
    group_commit_free(group_commit);
    tool_print_json(buf_slice(&result), false);
}

void tool_query(const struct tool_context *context, int argc, char **argv)
{
    transact(context, argc, argv, STORE_READ_ONLY);
}

void tool_transact(const struct tool_context *context, int argc, char **argv)
{
    transact(context, argc, argv, STORE_READ_WRITE);
}

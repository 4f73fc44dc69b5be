// SPDX-License-Identifier: Apache-2.0
// Transactions: each line of the input has the operations of a transaction, which runs on one small
// database. For a line that begins with '!' the log returns an error. After each transaction the
// database must be consistent and the result must be an array of the right length. A transaction
// that failed or waits must not have changed the database.
#include "engine/check.h"
#include "engine/transact.h"
#include "json/framer.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SET_OF(base) "{\"type\":{\"key\":" base ",\"min\":0,\"max\":\"unlimited\"}}"
#define REF(table)   "{\"type\":\"uuid\",\"refTable\":\"" table "\"}"
#define WEAK(table)  "{\"type\":\"uuid\",\"refTable\":\"" table "\",\"refType\":\"weak\"}"
#define MAP_OF(key, value)                                                                         \
    "{\"type\":{\"key\":" key ",\"value\":" value ",\"min\":0,\"max\":\"unlimited\"}}"

static const char schema_text[] =
    "{\"name\":\"f\",\"version\":\"1.0.0\",\"tables\":{"
    "\"R\":{\"isRoot\":true,\"columns\":{"
    "\"p\":" SET_OF(REF("P")) ",\"w\":" SET_OF(WEAK("P")) ",\"m\":" MAP_OF(REF("P"), WEAK("R")) ","
    "\"one\":{\"type\":{\"key\":" WEAK("R") ",\"min\":1,\"max\":2}}}},"
    "\"P\":{\"columns\":{"
    "\"p\":" SET_OF(REF("P")) ",\"w\":" SET_OF(WEAK("R")) ",\"n\":{\"type\":\"integer\"}}},"
    "\"I\":{\"isRoot\":true,\"maxRows\":5,\"indexes\":[[\"a\"],[\"a\",\"b\"]],\"columns\":{"
    "\"a\":{\"type\":\"integer\"},\"b\":" SET_OF("\"string\"") "}},"
    "\"N\":{\"isRoot\":true,\"columns\":{"
    "\"i\":{\"type\":\"integer\"},\"r\":{\"type\":\"real\"},\"b\":{\"type\":\"boolean\"},"
    "\"s\":{\"type\":\"string\"},\"u\":{\"type\":\"uuid\"},"
    "\"oi\":{\"type\":{\"key\":\"integer\",\"min\":0}},"
    "\"si\":" SET_OF("{\"type\":\"integer\",\"minInteger\":-9,\"maxInteger\":9}") ","
    "\"sr\":" SET_OF("\"real\"") ",\"ms\":" MAP_OF("\"string\"", "\"integer\"") ","
    "\"x\":{\"type\":\"string\",\"mutable\":false}}}}}";

struct fuzz_log {
    struct commit_log log;
    bool fails;
};

static struct ovsdb_error *append(struct commit_log *log, struct changeset *changes, bool durable,
                                  uint64_t *ret_position)
{
    if (CONTAINER_OF(log, struct fuzz_log, log)->fails) {
        return error_io(28, "the log");
    }
    changes->txn_id = uuid_random();
    *ret_position = durable;
    return NULL;
}

static bool owns_lock(void *userdata, struct slice lock)
{
    return slice_is(lock, "mine");
}

static size_t count_elements(struct slice array)
{
    assert(!framer_check(array, SIZE_MAX, &array, NULL));
    assert(json_kind_of(array) == JSON_KIND_ARRAY);
    return json_count(array);
}

static void check_result(const struct transact_result *result, struct slice params,
                         struct slice array)
{
    size_t n = json_count(params) - 1; // the name of the database
    size_t n_results = count_elements(array);

    assert(n_results == n || (result->failed && n_results == n + 1));
    assert(!(result->failed && result->changes));
}

static void run(struct db *db, struct slice operations, usec_t elapsed)
{
    _cleanup_buf_ struct buf text = {0};
    _cleanup_buf_ struct buf result_text = {0};
    struct transact_request request = {.elapsed = elapsed, .owns_lock = owns_lock};
    struct changeset *tail = db_tail(db);
    struct transact_result result;
    enum transact_status status;
    struct ovsdb_error *error;
    char *problem;

    buf_printf(&text, "[\"f\"%s" SLICE_FORMAT "]", operations.size ? "," : "",
               SLICE_ARGS(operations));
    if (framer_check(buf_slice(&text), SIZE_MAX, &request.params, NULL)) {
        return;
    }
    error = transact_run(db, &request, &result_text, &status, &result);
    assert(!error);
    if (status == TRANSACT_DONE) {
        check_result(&result, request.params, buf_slice(&result_text));
        assert((db_tail(db) == tail) == !result.changes);
    } else {
        assert(!result_text.size && db_tail(db) == tail && result.n_tables);
        free((void *)(uintptr_t)result.tables);
    }
    problem = db_check_structures(db);
    if (problem) {
        fprintf(stderr, "%s\n", problem);
        abort();
    }
}

static struct slice next_line(struct slice *rest)
{
    const char *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    struct slice line = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t step = line.size + !!end;

    *rest = (struct slice){rest->data + step, rest->size - step};
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct fuzz_log log = {.log.append = append};
    struct schema *schema = NULL;
    struct ovsdb_error *error = schema_from_text(slice_of(schema_text), &schema);
    struct db *db;

    assert(!error);
    db_set_structure_checks(true);
    db = db_new(schema, uuid_random);
    schema_unref(schema);
    db_set_log(db, &log.log);
    for (usec_t i = 0; rest.size; i++) {
        struct slice line = next_line(&rest);

        log.fails = line.size && line.data[0] == '!';
        line.data += log.fails;
        line.size -= log.fails;
        run(db, line, i * USEC_PER_MSEC);
    }
    db_free(db);
    return 0;
}

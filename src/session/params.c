// SPDX-License-Identifier: Apache-2.0
#include "session/params.h"

#include "json/emit.h"

struct ovsdb_error *params_database(struct session *session, const struct message *request,
                                    struct served_db **ret)
{
    struct served_db *sdb;
    struct cursor cursor;
    struct slice name;

    cursor_init(&cursor, request->params);
    if (!cursor_enter(&cursor) || cursor_kind(&cursor) != JSON_KIND_STRING) {
        return error_syntax(request->params, SLICE_FORMAT ": params must begin with <db-name>",
                            SLICE_ARGS(request->method));
    }
    name = cursor_string(&cursor, &session->server->scratch);
    sdb = server_find(session->server, name);
    if (!sdb) {
        return error_syntax_tag(ERROR_UNKNOWN_DATABASE, request->params,
                                SLICE_FORMAT ": there is no database " SLICE_FORMAT,
                                SLICE_ARGS(request->method), SLICE_ARGS(name));
    }
    if (!sdb->state.has_schema) {
        return error_new(ERROR_NOT_AVAILABLE,
                         SLICE_FORMAT ": the schema of database " SLICE_FORMAT
                                      " is not known yet, as its source was never connected",
                         SLICE_ARGS(request->method), SLICE_ARGS(name));
    }
    session_add_use(session, sdb);
    *ret = sdb;
    return NULL;
}

struct text *id_key(struct slice id)
{
    _cleanup_buf_ struct buf buf = {0};

    emit_key(&buf, id);
    // The key can be up to four times as long as the id: 9e18 is printed with all of its digits.
    return text_new(buf.size < UINT32_MAX ? buf_slice(&buf) : id);
}

// True if an operation of this name changes nothing.
static bool is_reading(struct slice name)
{
    static const char *const names[] = {"select", "wait", "comment", "assert", "abort"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (slice_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool operation_is_reading(struct slice operation, struct buf *scratch)
{
    struct slice op = json_member(operation, "op");

    if (json_kind_of(operation) != JSON_KIND_OBJECT) {
        return true; // the transaction fails
    }
    return op.data && json_kind_of(op) == JSON_KIND_STRING &&
           is_reading(json_decode_string(op, scratch));
}

bool params_could_write(struct slice params, struct buf *scratch)
{
    bool reads = true;
    struct cursor cursor;

    cursor_init(&cursor, params);
    for (bool more = cursor_enter(&cursor); more && reads; more = reads && cursor_more(&cursor)) {
        reads = operation_is_reading(cursor_skip(&cursor), scratch);
    }
    return !reads;
}

bool params_assert_owned(struct slice params, bool (*owns)(void *userdata, struct slice lock),
                         void *userdata)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    bool owned = true;

    cursor_init(&cursor, params);
    for (bool more = cursor_enter(&cursor); more && owned; more = owned && cursor_more(&cursor)) {
        struct slice operation = cursor_skip(&cursor), text;

        if (json_read_string(json_member(operation, "op"), &scratch, &text) &&
            slice_is(text, "assert") &&
            json_read_string(json_member(operation, "lock"), &scratch, &text)) {
            owned = owns(userdata, text);
        }
    }
    return owned;
}

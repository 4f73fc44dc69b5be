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

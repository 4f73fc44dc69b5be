// SPDX-License-Identifier: Apache-2.0
// The methods without state (RFC 7047 4.1.1, 4.1.2, 4.1.11; protocol extensions 4.1.15), and
// set_db_change_aware.
#include "session/params.h"
#include "session/reply.h"
#include "json/emit.h"

void method_list_dbs(struct session *session, const struct message *request, usec_t now)
{
    const struct server *server = session->server;
    struct buf *out = session_out(session);

    message_begin_reply(out, request->id);
    for (size_t i = 0; i < server->n_dbs; i++) {
        buf_putc(out, i ? ',' : '[');
        emit_string(out, slice_of(db_schema(server->dbs[i]->db)->name));
    }
    buf_puts(out, "]}");
    session_send_out(session, NULL);
}

void method_get_schema(struct session *session, const struct message *request, usec_t now)
{
    struct served_db *sdb;
    struct ovsdb_error *error = params_database(session, request, &sdb);

    if (error) {
        session_reply_error(session, request->id, error);
    } else {
        struct text *json = db_schema(sdb->db)->json;
        const struct chunks chunks = {.texts = &json, .n = 1, .size = json->size};

        session_reply_pieces(session, sdb, request->id, "", &chunks, "");
    }
}

void method_get_server_id(struct session *session, const struct message *request, usec_t now)
{
    char quoted[UUID_LEN + 2] = "\"";

    uuid_format(session->server->id, quoted + 1);
    quoted[UUID_LEN + 1] = '"';
    session_reply(session, request->id, (struct slice){quoted, sizeof(quoted)});
}

void method_echo(struct session *session, const struct message *request, usec_t now)
{
    struct buf *out = session_out(session);

    message_begin_reply(out, request->id);
    emit_canonical(out, request->params);
    buf_putc(out, '}');
    session_send_out(session, NULL);
}

void method_set_db_change_aware(struct session *session, const struct message *request, usec_t now)
{
    struct slice value;
    size_t n = json_cut(request->params, &value, 1);
    enum json_kind kind = n == 1 ? json_kind_of(value) : JSON_KIND_NULL;

    if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE) {
        session_reply_error(
            session, request->id,
            error_syntax(request->params, "set_db_change_aware: params must be [<boolean>]"));
        return;
    }
    session->db_change_aware = kind == JSON_KIND_TRUE;
    session_reply(session, request->id, SLICE("{}"));
}

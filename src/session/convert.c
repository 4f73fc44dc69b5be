// SPDX-License-Identifier: Apache-2.0
// The method "convert": converts a database to another schema. The daemon does the work (struct
// server_converter). Until it is done, transactions that would change the database wait, and all
// other requests are served. Then the new database replaces the old one: monitors end, transactions
// that wait for a condition are canceled, sessions that did not send set_db_change_aware are
// closed, and the transactions that waited for the conversion run.
#include "session/params.h"
#include "session/reply.h"
#include "session/trigger.h"

#include "basic/log.h"
#include "basic/str.h"
#include "json/cursor.h"

#include <assert.h>

LOG_MODULE(session);

// The request for the running conversion of a database.
struct conversion {
    struct session *session; // NULL: it has ended
    struct text *id;
};

void server_set_converter(struct server *server, const struct server_converter *converter)
{
    server->converter = *converter;
}

// A client with a role may never convert: the role's rules in the database are about rows only.
static void refuse_role(struct session *session, struct slice id, const char *database)
{
    struct ovsdb_error *error =
        error_new(ERROR_PERMISSION,
                  "client \"%s\" with role \"%s\" may not convert database %s: no role allows a "
                  "conversion",
                  str_or_empty(session->client_id), session->role, database);

    session_log_denial(session, &(struct denial){.database = database, .details = error->details});
    session_reply_error(session, id, error);
}

static struct ovsdb_error *check_request(struct session *session, const struct served_db *sdb,
                                         const struct schema *schema)
{
    const char *name = db_schema(sdb->db)->name;

    if (strcmp(schema->name, name)) {
        return error_new("invalid parameters",
                         "convert: the new schema is called %s, the database %s", schema->name,
                         name);
    }
    if (session->read_only || (served_db_is_read_only(sdb) && !sdb->forwarder)) {
        return error_new(ERROR_NOT_ALLOWED, "convert: %s is read-only here", name);
    }
    if (sdb->conversion) {
        return error_new(ERROR_RESOURCES, "convert: %s is being converted already", name);
    }
    return NULL;
}

static struct ovsdb_error *parse_convert(struct session *session, const struct message *request,
                                         struct served_db **ret_sdb, struct schema **ret_schema)
{
    struct slice params[2];
    struct ovsdb_error *error = params_database(session, request, ret_sdb);

    if (error) {
        return error;
    }
    if (json_cut(request->params, params, 2) != 2) {
        return error_syntax(request->params,
                            "convert: params must be [<db-name>, <database-schema>]");
    }
    return schema_from_text(params[1], ret_schema);
}

void method_convert(struct session *session, const struct message *request, usec_t now)
{
    const struct server_converter *converter = &session->server->converter;
    _cleanup_schema_ struct schema *schema = NULL;
    struct served_db *sdb;
    struct ovsdb_error *error = parse_convert(session, request, &sdb, &schema);

    if (!error && session->role) {
        refuse_role(session, request->id, db_schema(sdb->db)->name);
        return;
    }
    if (!error) {
        error = check_request(session, sdb, schema);
    }
    if (error) {
        session_reply_error(session, request->id, error);
        return;
    }
    if (sdb->forwarder) {
        session_forward_convert(session, sdb, request, now);
        return;
    }
    log_dbg("%s: conversion of %s begins", session->name, schema->name);
    assert(!sdb->conversion && converter->convert);
    sdb->conversion = NEW(struct conversion);
    sdb->conversion->session = session;
    sdb->conversion->id = text_new(request->id);
    converter->convert(converter->userdata, sdb->db, schema);
}

static void conversion_free(struct conversion *conversion)
{
    text_unref(conversion->id);
    free(conversion);
}

void session_forget_conversions(struct session *session)
{
    const struct server *server = session->server;

    for (size_t i = 0; i < server->n_dbs; i++) {
        struct conversion *conversion = server->dbs[i]->conversion;

        if (conversion && conversion->session == session) {
            conversion->session = NULL;
        }
    }
}

void served_db_cancel_conversion(struct served_db *sdb)
{
    struct conversion *conversion = TAKE_PTR(sdb->conversion);

    if (conversion) {
        if (conversion->session) {
            session_reply_error_text(conversion->session, text_slice(conversion->id), "canceled");
        }
        conversion_free(conversion);
    }
}

bool served_db_holds(const struct served_db *sdb, struct slice params)
{
    return !sdb->state.has_schema ||
           (sdb->conversion && params_could_write(params, &sdb->server->scratch));
}

static void conversion_reply(const struct served_db *sdb, struct conversion *conversion,
                             const struct ovsdb_error *error)
{
    struct session *session = conversion->session;
    struct slice id = text_slice(conversion->id);

    if (session && error) {
        struct buf *out = session_out(session);
        _cleanup_buf_ struct buf text = {0};

        error_put(&text, error);
        message_put_error(out, id, buf_slice(&text));
        session_send_out(session, sdb);
    } else if (session) {
        session_flush_monitors(session);
        session_reply(session, id, SLICE("{}"));
    }
}

void server_replace_db(struct server *server, struct db *old, struct db *new)
{
    struct served_db *sdb = server_find(server, slice_of(db_schema(old)->name));

    assert(sdb && sdb->db == old && !sdb->conversion);
    log_dbg("database %s has a new schema", db_schema(new)->name);
    served_db_replace(sdb, new);
    server_db_update(server, sdb);
    server_disconnect_unaware(server, "a database was converted");
    served_db_run_all(sdb);
}

void server_converted(struct server *server, struct db *old, struct db *new,
                      const struct ovsdb_error *error)
{
    struct served_db *sdb = server_find(server, slice_of(db_schema(old)->name));
    struct conversion *conversion;

    if (!sdb || sdb->db != old) {
        return; // no longer served
    }
    conversion = TAKE_PTR(sdb->conversion);
    if (!error) {
        log_dbg("database %s has a new schema", db_schema(new)->name);
        served_db_replace(sdb, new);
        server_db_update(server, sdb);
    }
    conversion_reply(sdb, conversion, error);
    conversion_free(conversion);
    if (!error) {
        server_disconnect_unaware(server, "a database was converted");
    }
    served_db_run_all(sdb);
}

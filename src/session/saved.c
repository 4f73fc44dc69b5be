// SPDX-License-Identifier: Apache-2.0
// The format of the saved state:
//
//     server    [SERVER-ID, VERSION-KEY, DIGEST, {"DATABASE": VOLATILE, ...}]
//     session   [READ-ONLY, ROLE, CLIENT-ID, DB-CHANGE-AWARE, [MONITOR, ...], [TRIGGER, ...],
//               [LOCK, ...]]
//
// internal.h describes MONITOR, TRIGGER and LOCK, engine/volatile.h VOLATILE. DIGEST is
// server_db_digest(). If the restoring server has a different one, the sessions that did not send
// set_db_change_aware are closed.
#include "session/saved.h"

#include "basic/str.h"
#include "engine/volatile.h"
#include "session/internal.h"
#include "json/cursor.h"
#include "json/emit.h"

static void finish_starts(struct server *server, usec_t now)
{
    struct session *session;

    LIST_FOREACH (session, &server->sessions, node) {
        if (session->starting) {
            monitor_finish_start(session->starting, now);
        }
    }
}

void server_settle(struct server *server, usec_t now)
{
    struct session *session;

    finish_starts(server, now);
    for (size_t i = 0; i < server->n_dbs; i++) {
        served_db_cancel_conversion(server->dbs[i]);
    }
    LIST_FOREACH (session, &server->sessions, node) {
        session_flush_monitors(session);
    }
}

static void put_uuid(struct buf *buf, struct uuid uuid)
{
    char text[UUID_TEXT_SIZE];

    buf_printf(buf, "\"%s\"", uuid_text(uuid, text));
}

static bool read_uuid(struct slice value, struct buf *scratch, struct uuid *ret)
{
    struct slice text;

    return json_read_string(value, scratch, &text) && uuid_parse(text, ret);
}

// JSON numbers cannot hold all values of 64 bits, so the key is written as a UUID.
static struct uuid key_as_uuid(uint64_t key)
{
    return (struct uuid){0, key};
}

void server_save(const struct server *server, struct buf *buf)
{
    buf_putc(buf, '[');
    put_uuid(buf, server->id);
    buf_putc(buf, ',');
    put_uuid(buf, key_as_uuid(row_version_key()));
    buf_putc(buf, ',');
    put_uuid(buf, server_db_digest(server));
    for (size_t i = 0; i < server->n_dbs; i++) {
        buf_puts(buf, i ? "," : ",{");
        emit_string(buf, slice_of(db_schema(server->dbs[i]->db)->name));
        buf_putc(buf, ':');
        db_put_volatile(server->dbs[i]->db, buf);
    }
    buf_puts(buf, "}]");
}

static bool restore_database(struct server *server, struct slice name, struct slice saved,
                             bool is_same_server_db)
{
    const struct served_db *sdb = server_find(server, name);

    if (!sdb || (sdb->is_own && !is_same_server_db)) {
        return true; // monitors of this database cannot be restored
    }
    return db_restore_volatile(sdb->db, saved);
}

static bool restore_databases(struct server *server, struct slice saved, bool is_same_server_db)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, saved);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &scratch);

        if (!restore_database(server, name, cursor_skip(&cursor), is_same_server_db)) {
            return false;
        }
    }
    return true;
}

bool server_restore(struct server *server, struct slice saved, bool are_unchanged)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct uuid id, key, digest;
    struct slice parts[4];

    if (json_cut(saved, parts, 4) != 4 || !read_uuid(parts[0], &scratch, &id) ||
        !read_uuid(parts[1], &scratch, &key) || !read_uuid(parts[2], &scratch, &digest) ||
        json_kind_of(parts[3]) != JSON_KIND_OBJECT) {
        return false;
    }
    server_db_rename(server, id);
    server->has_changed = !uuid_equals(server_db_digest(server), digest);
    if (!are_unchanged) {
        return true;
    }
    row_set_version_key(key.lo);
    return restore_databases(server, parts[3], !server->has_changed);
}

void session_save(const struct session *session, struct buf *buf)
{
    buf_putc(buf, '[');
    emit_boolean(buf, session->read_only);
    buf_putc(buf, ',');
    emit_string(buf, slice_of(str_or_empty(session->role)));
    buf_putc(buf, ',');
    emit_string(buf, slice_of(str_or_empty(session->client_id)));
    buf_putc(buf, ',');
    emit_boolean(buf, session->db_change_aware);
    buf_putc(buf, ',');
    session_save_monitors(session, buf);
    buf_putc(buf, ',');
    session_save_triggers(session, buf);
    buf_putc(buf, ',');
    session_save_locks(session, buf);
    buf_putc(buf, ']');
}

// Calls restore() for each element of an array.
static bool restore_each(struct session *session, struct slice array,
                         bool (*restore)(struct session *session, struct slice saved))
{
    struct cursor cursor;

    if (!array.data || json_kind_of(array) != JSON_KIND_ARRAY) {
        return false;
    }
    cursor_init(&cursor, array);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        if (!restore(session, cursor_skip(&cursor))) {
            return false;
        }
    }
    return true;
}

// True if the session has the rights that it had when it was saved.
static bool has_same_rights(const struct session *session, const struct slice *parts)
{
    _cleanup_buf_ struct buf roles = {0}, ids = {0};
    struct slice role, client_id;
    bool read_only;

    return json_read_boolean(parts[0], &read_only) && read_only == session->read_only &&
           json_read_string(parts[1], &roles, &role) &&
           slice_is(role, str_or_empty(session->role)) &&
           json_read_string(parts[2], &ids, &client_id) &&
           slice_is(client_id, str_or_empty(session->client_id));
}

// Locks are restored first. If a later part fails, the session is closed, and its locks pass to the
// next sessions in their queues.
bool session_restore(struct session *session, struct slice saved)
{
    struct slice parts[7];

    session->lock_refused = session_uses_only_backups(session); // maybe, before the restart
    return json_cut(saved, parts, 7) == 7 &&
           restore_each(session, parts[6], session_restore_lock) &&
           json_read_boolean(parts[3], &session->db_change_aware) &&
           has_same_rights(session, parts) &&
           restore_each(session, parts[4], session_restore_monitor) &&
           restore_each(session, parts[5], session_restore_trigger);
}

void server_end_restore(struct server *server)
{
    server_settle_locks(server);
    if (server->has_changed) {
        server->has_changed = false;
        server_disconnect_unaware(server, "the set of databases or the server's role has changed");
    }
}

// SPDX-License-Identifier: Apache-2.0
// The roles of the served databases, and which sessions a change of a role concerns.
#include "session/internal.h"

#include "basic/log.h"

#include <assert.h>

LOG_MODULE(session);

static const char *const role_names[] = {
    [ROLE_STANDALONE] = "standalone",
    [ROLE_BACKUP] = "backup",
    [ROLE_RELAY] = "relay",
    [ROLE_CLUSTERED] = "clustered",
};
static_assert(ARRAY_SIZE(role_names) == N_ROLES, "each role has a name");

const char *db_role_name(enum db_role role)
{
    assert(role < N_ROLES);
    return role_names[role];
}

static struct served_db *find_served(const struct server *server, const struct db *db)
{
    struct served_db *sdb = server_find(server, slice_of(db_schema(db)->name));

    assert(sdb && sdb->db == db);
    return sdb;
}

bool served_db_is_read_only(const struct served_db *sdb)
{
    return sdb->is_own || sdb->role == ROLE_BACKUP || sdb->role == ROLE_RELAY;
}

void session_add_use(struct session *session, struct served_db *sdb)
{
    if (sdb->is_own || session_names(session, sdb)) {
        return;
    }
    GROW(session->uses, session->n_uses, session->uses_capacity);
    session->uses[session->n_uses++] = sdb;
}

void session_remove_use(struct session *session, const struct served_db *sdb)
{
    for (size_t i = 0; i < session->n_uses; i++) {
        if (session->uses[i] == sdb) {
            session->uses[i] = session->uses[--session->n_uses];
            return;
        }
    }
}

bool session_names(const struct session *session, const struct served_db *sdb)
{
    for (size_t i = 0; i < session->n_uses; i++) {
        if (session->uses[i] == sdb) {
            return true;
        }
    }
    return false;
}

static bool session_uses(const struct session *session, const struct served_db *sdb)
{
    return !session->n_uses || session_names(session, sdb);
}

bool session_uses_only_backups(const struct session *session)
{
    const struct server *server = session->server;
    bool any = false;

    for (size_t i = 0; i < server->n_dbs; i++) {
        const struct served_db *sdb = server->dbs[i];

        if (sdb->is_own || !session_uses(session, sdb)) {
            continue;
        }
        if (sdb->role != ROLE_BACKUP) {
            return false;
        }
        any = true;
    }
    return any;
}

static void disconnect_concerned(const struct served_db *sdb, const char *reason)
{
    struct session *session;

    LIST_FOREACH (session, &sdb->server->sessions, node) {
        if (!session_uses(session, sdb)) {
            continue;
        }
        if (!session->db_change_aware) {
            session_close(session, reason);
        } else if (session->lock_refused && !session_uses_only_backups(session)) {
            session_close(session, "locks are granted now");
        }
    }
}

void server_set_role(struct server *server, struct db *db, enum db_role role)
{
    struct served_db *sdb = find_served(server, db);
    const char *name = db_schema(db)->name;
    _cleanup_free_ char *reason = NULL;

    assert(role < N_ROLES && !sdb->is_own);
    if (sdb->role == role) {
        return;
    }
    log_dbg("database %s: %s -> %s", name, role_names[sdb->role], role_names[role]);
    sdb->role = role;
    sdb->state =
        role == ROLE_RELAY || role == ROLE_CLUSTERED ? (struct db_state){0} : DB_STATE_DEFAULT;
    server->n_role_changes++;
    server_db_update(server, sdb);
    reason = xasprintf("the role of database %s is %s now", name, role_names[role]);
    disconnect_concerned(sdb, reason);
}

enum db_role server_role(const struct server *server, const struct db *db)
{
    return find_served(server, db)->role;
}

bool server_db_is_read_only(const struct server *server, const struct db *db)
{
    return served_db_is_read_only(find_served(server, db));
}

static bool states_are_equal(const struct db_state *a, const struct db_state *b)
{
    return a->is_connected == b->is_connected && a->is_leader == b->is_leader &&
           a->has_schema == b->has_schema && uuid_equals(a->cid, b->cid) &&
           uuid_equals(a->sid, b->sid) && a->index == b->index;
}

void server_set_state(struct server *server, struct db *db, const struct db_state *state)
{
    struct served_db *sdb = find_served(server, db);

    assert(sdb->role == ROLE_RELAY || sdb->role == ROLE_CLUSTERED);
    if (!states_are_equal(&sdb->state, state)) {
        sdb->state = *state;
        server_db_update(server, sdb);
    }
}

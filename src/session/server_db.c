// SPDX-License-Identifier: Apache-2.0
// The _Server database, which describes the served databases. It is an ordinary database in memory
// that clients read and monitor. It has one row for each served database, itself included.
#include "engine/txn.h"
#include "session/internal.h"

#include <assert.h>

// Other OVSDB servers use this cksum for the same tables and columns. Change it with them.
static const char server_schema[] =
    "{\"name\":\"_Server\",\"version\":\"1.2.0\",\"cksum\":\"3009684573 "
    "744\",\"tables\":{\"Database\":{"
    "\"isRoot\":true,\"columns\":{"
    "\"name\":{\"type\":\"string\"},"
    "\"model\":{\"type\":{\"key\":{\"type\":\"string\","
    "\"enum\":[\"set\",[\"standalone\",\"clustered\",\"relay\"]]}}},"
    "\"connected\":{\"type\":\"boolean\"},"
    "\"leader\":{\"type\":\"boolean\"},"
    "\"schema\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":1}},"
    "\"cid\":{\"type\":{\"key\":\"uuid\",\"min\":0,\"max\":1}},"
    "\"sid\":{\"type\":{\"key\":\"uuid\",\"min\":0,\"max\":1}},"
    "\"index\":{\"type\":{\"key\":\"integer\",\"min\":0,\"max\":1}}}}}}";

static const struct table_schema *database_table(const struct server *server)
{
    return &db_schema(server->server_db->db)->tables[0];
}

static const struct column *database_column(const struct server *server, const char *name)
{
    return table_schema_find_column(database_table(server), slice_of(name));
}

static void set_string(const struct server *server, struct row *row, const char *name,
                       struct text *string)
{
    const struct column *target = database_column(server, name);
    const union atom atom = {.string = string};

    if (type_is_scalar(&target->type)) {
        row_set(row, target, (union datum){.scalar = atom});
    } else {
        row_set(row, target, datum_from_sorted(&target->type, &atom, NULL, 1));
        text_unref(string);
    }
}

static void set_boolean(const struct server *server, struct row *row, const char *name, bool value)
{
    row_set(row, database_column(server, name), (union datum){.scalar.boolean = value});
}

// Sets an optional column; without `atom` it becomes empty.
static void set_optional(const struct server *server, struct row *row, const char *name,
                         const union atom *atom)
{
    const struct column *target = database_column(server, name);

    row_set(row, target, datum_from_sorted(&target->type, atom, NULL, atom ? 1 : 0));
}

static void set_uuid(const struct server *server, struct row *row, const char *name,
                     struct uuid uuid)
{
    const union atom atom = {.uuid = uuid};

    set_optional(server, row, name, uuid_equals(uuid, UUID_ZERO) ? NULL : &atom);
}

static const char *model_name(enum db_role role)
{
    return db_role_name(role == ROLE_BACKUP ? ROLE_STANDALONE : role);
}

// Sets all columns except the name.
static void set_state(const struct served_db *sdb, struct row *row)
{
    const struct server *server = sdb->server;
    const union atom index = {.integer = (int64_t)sdb->state.index};

    set_string(server, row, "model", text_new(slice_of(model_name(sdb->role))));
    if (sdb->state.has_schema) {
        set_string(server, row, "schema", text_ref(db_schema(sdb->db)->json));
    } else {
        set_optional(server, row, "schema", NULL);
    }
    set_boolean(server, row, "connected", sdb->state.is_connected);
    set_boolean(server, row, "leader", sdb->state.is_leader);
    set_uuid(server, row, "cid", sdb->state.cid);
    set_uuid(server, row, "sid", sdb->state.sid);
    set_optional(server, row, "index", sdb->state.index ? &index : NULL);
}

static void commit_row(struct txn *txn)
{
    struct changeset *changes;
    uint64_t ticket;
    struct ovsdb_error *error = txn_commit(txn, false, &changes, &ticket);

    assert(!error);
    txn_free(txn);
}

// A digest that is the same in every process, unlike hash_bytes(). Therefore two processes with the
// same server id use the same UUID for the row of a database.
static struct uuid stable_digest(struct slice text, struct uuid basis)
{
    uint64_t hi = basis.hi, lo = basis.lo;

    for (size_t i = 0; i < text.size; i++) {
        hi = hash_mix(hi ^ (unsigned char)text.data[i]);
        lo = hash_mix(lo + hi);
    }
    return (struct uuid){hi, lo};
}

void server_db_add(struct server *server, struct served_db *sdb)
{
    struct txn *txn = txn_new(server->server_db->db);
    struct schema *schema = db_schema(sdb->db);
    struct row *row;

    sdb->row = stable_digest(slice_of(schema->name), server->id);
    row = txn_insert(txn, database_table(server), sdb->row);
    set_string(server, row, "name", text_new(slice_of(schema->name)));
    set_state(sdb, row);
    commit_row(txn);
}

void server_db_update(struct server *server, struct served_db *sdb)
{
    struct txn *txn = txn_new(server->server_db->db);
    struct row *row = txn_modify(txn, database_table(server), sdb->row);

    set_state(sdb, row);
    commit_row(txn);
}

void server_db_remove(struct server *server, struct served_db *sdb)
{
    struct txn *txn = txn_new(server->server_db->db);

    txn_delete(txn, database_table(server), sdb->row);
    commit_row(txn);
}

void server_db_rename(struct server *server, struct uuid id)
{
    assert(!server->n_sessions);
    for (size_t i = 0; i < server->n_dbs; i++) {
        server_db_remove(server, server->dbs[i]);
    }
    server->id = id;
    for (size_t i = 0; i < server->n_dbs; i++) {
        server_db_add(server, server->dbs[i]);
    }
}

struct uuid server_db_digest(const struct server *server)
{
    const struct table_schema *schema = database_table(server);
    const struct table *table = db_table(server->server_db->db, schema);
    struct uuid result = UUID_ZERO;

    for (size_t i = 0; i < server->n_dbs; i++) {
        const struct row *row = table_find(table, server->dbs[i]->row);
        _cleanup_buf_ struct buf text = {0};

        assert(row);
        buf_printf(&text, "%s,", db_role_name(server->dbs[i]->role));
        for (size_t j = COLUMN_VERSION + 1; j < schema->n_columns; j++) {
            datum_put(&text, row_get(row, &schema->columns[j]), &schema->columns[j].type);
            buf_putc(&text, ',');
        }
        result = stable_digest(buf_slice(&text), result);
    }
    return result;
}

void server_db_start(struct server *server, uuid_source *new_uuid)
{
    struct schema *schema;
    struct ovsdb_error *error = schema_from_text(SLICE(server_schema), &schema);

    assert(!error);
    server->server_db = server_serve(server, db_new(schema, new_uuid));
    server->server_db->is_own = true;
    schema_unref(schema);
    server_db_add(server, server->server_db);
}

void server_db_stop(struct server *server)
{
    struct db *db = server->server_db->db;

    server_unserve(server, TAKE_PTR(server->server_db));
    db_free(db);
}

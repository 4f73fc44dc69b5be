// SPDX-License-Identifier: Apache-2.0
#include "engine/internal.h"

#include <assert.h>

// append() of the log "none".
static struct ovsdb_error *no_log_append(struct commit_log *log, struct changeset *changes,
                                         bool durable, uint64_t *ret_position)
{
    changes->txn_id = CONTAINER_OF(log, struct db, no_log)->new_uuid();
    *ret_position = 0;
    return NULL;
}

struct db *db_new(struct schema *schema, uuid_source *new_uuid)
{
    struct db *db = NEW(struct db);

    row_init_version_key(new_uuid);
    db->new_uuid = new_uuid;
    db->schema = schema_ref(schema);
    db->tables = NEW_ARRAY(struct table *, schema->n_tables + 1u);
    for (uint16_t i = 0; i < schema->n_tables; i++) {
        db->tables[i] = table_new(db, &schema->tables[i]);
    }
    db->tail = changeset_new(schema, 0, 0);
    list_init(&db->observers);
    db->txn.db = db;
    db->no_log.append = no_log_append;
    positions_init(&db->no_log.positions);
    db->log = &db->no_log;
    return db;
}

void db_free(struct db *db)
{
    if (!db) {
        return;
    }
    assert(!db->txn.is_open);
    assert(list_is_empty(&db->observers)); // an observer would be left with a dangling pointer
    assert(!db->history);
    db_free_tables(db);
    replayed_history_free(db->replayed);
    changeset_unref(db->tail);
    schema_unref(db->schema);
    free(db);
}

bool db_free_rows(struct db *db, size_t n)
{
    for (uint16_t i = 0; i < db->schema->n_tables && n; i++) {
        n = table_free_rows(db->tables[i], n);
    }
    return !n;
}

void db_free_tables(struct db *db)
{
    txn_done(&db->txn);
    for (uint16_t i = 0; i < db->schema->n_tables && db->tables; i++) {
        table_free(db->tables[i]);
    }
    free(TAKE_PTR(db->tables));
}

struct schema *db_schema(const struct db *db)
{
    return db->schema;
}

void db_set_log(struct db *db, struct commit_log *log)
{
    db->log = log ? log : &db->no_log;
}

struct position db_last_position(const struct db *db)
{
    return positions_last(&db->log->positions);
}

void db_add_observer(struct db *db, struct db_observer *observer)
{
    assert(observer->committed);
    list_push_back(&db->observers, &observer->node);
}

void db_remove_observer(struct db_observer *observer)
{
    list_remove(&observer->node);
}

struct changeset *db_tail(const struct db *db)
{
    return db->tail;
}

void db_set_last_txn_id(struct db *db, struct uuid txn_id)
{
    assert(!db->tail->seq); // a commit has set its own
    db->tail->txn_id = txn_id;
}

void db_set_loaded_txn_id(struct db *db, struct uuid txn_id)
{
    assert(!db->tail->seq);
    db->tail->seq = 1;
    db->tail->txn_id = txn_id;
}

struct table *db_table(const struct db *db, const struct table_schema *table)
{
    return db_table_of(db, table);
}

size_t db_memory(const struct db *db)
{
    return db->memory;
}

size_t db_n_rows(const struct db *db)
{
    size_t n = 0;

    for (uint16_t i = 0; i < db->schema->n_tables; i++) {
        n += db->tables[i]->n_rows;
    }
    return n;
}

void db_usage(const struct db *db, struct db_usage *ret)
{
    *ret = (struct db_usage){.n_rows = db_n_rows(db), .n_weak_refs = db->n_weak_refs};
    for (uint16_t i = 0; i < db->schema->n_tables; i++) {
        const struct table *table = db->tables[i];

        ret->n_cells += table->n_rows * table->schema->n_columns;
    }
}

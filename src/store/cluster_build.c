// SPDX-License-Identifier: Apache-2.0
#include "store/cluster_build.h"

#include "cluster/contents.h"
#include "engine/history.h"
#include "store/encode.h"

#include <inttypes.h>

#define REPLAYED_HISTORY_MEMORY ((size_t)16 << 20) // bytes

struct building {
    const char *path;
    const struct member_log *log;
    const struct progress *progress;
    struct contents contents;
    struct db *db;
    bool has_history;
};

static struct ovsdb_error *at_entry(const struct building *building, uint64_t index,
                                    struct ovsdb_error *error)
{
    if (error) {
        error_prefix(error, "%s: %s %" PRIu64 ": ", building->path,
                     index == building->log->header.prev_index ? "snapshot" : "entry", index);
    }
    return error;
}

// The replayed history begins with the first transaction after the whole contents.
static void begin_history(struct building *building, struct uuid last_id)
{
    building->has_history = true;
    db_set_last_txn_id(building->db, last_id);
    db_load_keep_history(building->db, HISTORY_MAX_CHANGES);
}

static struct ovsdb_error *apply_transaction(struct building *building,
                                             const struct contents_transaction *transaction,
                                             struct decode_position *position)
{
    bool is_whole = transaction->index == building->contents.schema_index;
    _cleanup_buf_ struct buf scratch = {0};
    struct record_info info;
    struct ovsdb_error *error;

    if (!is_whole && !building->has_history) {
        begin_history(building, building->contents.schema_eid);
    }
    error = decode_record(building->db, transaction->text, position, &scratch, &info);
    position->offset += transaction->text.size;
    if (!error && !is_whole) {
        db_load_end_record(building->db, transaction->eid, REPLAYED_HISTORY_MEMORY);
    }
    return at_entry(building, transaction->index, error);
}

static struct ovsdb_error *apply_all(struct building *building)
{
    const struct contents *contents = &building->contents;
    struct decode_position position = {.progress = building->progress};
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < contents->n_transactions; i++) {
        position.file_size += contents->transactions[i].text.size;
    }
    for (size_t i = 0; i < contents->n_transactions && !error; i++) {
        error = apply_transaction(building, &contents->transactions[i], &position);
    }
    if (error) {
        return error;
    }
    error = db_load_finish(building->db, building->progress);
    if (error) {
        error_prefix(error, "%s: ", building->path);
        return error;
    }
    db_set_last_txn_id(building->db, contents->n_transactions
                                         ? contents->transactions[contents->n_transactions - 1].eid
                                         : contents->schema_eid);
    return NULL;
}

struct ovsdb_error *cluster_build(const char *path, const struct member_log *log, uint64_t index,
                                  const struct progress *progress, struct db **ret)
{
    struct building building = {.path = path, .log = log, .progress = progress};
    _cleanup_schema_ struct schema *schema = NULL;
    struct ovsdb_error *error;

    contents_init_to(&building.contents, log, index);
    error = at_entry(&building, building.contents.schema_index,
                     schema_from_text(building.contents.schema, &schema));
    if (!error) {
        building.db = db_new(schema, uuid_random);
        error = apply_all(&building);
    }
    contents_done(&building.contents);
    if (error) {
        db_free(building.db);
        return error;
    }
    *ret = building.db;
    return NULL;
}

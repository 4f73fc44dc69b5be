// SPDX-License-Identifier: Apache-2.0
#include "store/load.h"

#include "store/encode.h"

#include "engine/history.h"

#include <assert.h>

#define REPLAYED_HISTORY_MEMORY_MIN ((size_t)1 << 20) // limit for short files, in bytes

struct loader {
    struct reader *reader;
    const char *path;
    struct db *db;
    struct decode_position position;
    struct buf scratch;
    struct uuid last_id;
    const struct load_options *options;
    uint64_t n_records; // loaded, including the schema
    struct loaded loaded;
    struct load_damage damage;
};

// Makes an error of the file's contents a syntax error and notes it as damage. Errors of the system
// and interruptions are no damage.
static void note_damage(struct loader *loader, struct ovsdb_error *error,
                        const struct load_damage *damage)
{
    if (strcmp(error->tag, ERROR_IO)) {
        error->tag = ERROR_SYNTAX;
        loader->damage = *damage;
        loader->damage.is_damaged = true;
    }
}

// Completes the error of a whole record that cannot be applied.
static struct ovsdb_error *at_record(struct loader *loader, const struct reader_record *record,
                                     struct ovsdb_error *error)
{
    note_damage(loader, error,
                &(struct load_damage){.number = record->number, .offset = record->offset});
    error_prefix(error, "%s: record %lu at offset %lu: ", loader->path,
                 (unsigned long)record->number, (unsigned long)record->offset);
    return error;
}

static struct ovsdb_error *load_schema(struct loader *loader, const struct reader_record *record)
{
    _cleanup_schema_ struct schema *schema = NULL;
    struct ovsdb_error *error;
    struct slice text;

    error = record_check(record->text, &text);
    if (!error) {
        error = schema_from_text(text, &schema);
    }
    if (error) {
        return at_record(loader, record, error);
    }
    assert(!loader->db);
    loader->db = db_new(schema, uuid_random);
    loader->loaded.snapshot_size = record->size;
    return NULL;
}

// Takes the id of the last transaction from the comment of a snapshot, see COMPACTED_COMMENT.
static void restore_txn_id(struct loader *loader, const struct record_info *info)
{
    static const char *const comments[] = {COMPACTED_COMMENT, CONVERTED_COMMENT};
    struct uuid id;

    for (size_t i = 0; i < ARRAY_SIZE(comments); i++) {
        size_t n = strlen(comments[i]);

        if (info->comment.size == n + UUID_LEN && !memcmp(info->comment.data, comments[i], n) &&
            uuid_parse((struct slice){info->comment.data + n, UUID_LEN}, &id)) {
            loader->last_id = id;
        }
    }
}

// The replayed history begins after record 1, which is the snapshot in a compacted file.
static void end_record(struct loader *loader, const struct reader_record *record)
{
    if (loader->options->keep_history && record->number == 1) {
        db_set_last_txn_id(loader->db, loader->last_id);
        db_load_keep_history(loader->db, HISTORY_MAX_CHANGES);
    } else if (loader->options->keep_history) {
        size_t max = (size_t)MIN(record->offset, SIZE_MAX);

        db_load_end_record(loader->db, loader->last_id, MAX(max, REPLAYED_HISTORY_MEMORY_MIN));
    }
}

static struct ovsdb_error *load_record(struct loader *loader, const struct reader_record *record)
{
    struct record_info info;
    struct ovsdb_error *error;
    struct slice text;

    error = record_check(record->text, &text);
    if (!error) {
        loader->position.offset = record->offset + (record->size - record->text.size);
        error = decode_record(loader->db, text, &loader->position, &loader->scratch, &info);
    }
    if (error) {
        return at_record(loader, record, error);
    }
    loader->last_id = record_txn_id(record->sha1);
    if (record->number == 1 && !info.is_diff) {
        restore_txn_id(loader, &info);
        loader->loaded.snapshot_size += record->size;
    } else {
        loader->loaded.n_records++;
    }
    end_record(loader, record);
    return NULL;
}

// The error of a file that has bytes after its last whole record that are no record.
static struct ovsdb_error *end_in_damage(struct loader *loader, const char *consequence)
{
    struct ovsdb_error *error = error_new(ERROR_SYNTAX, "%s: %s%s", loader->path,
                                          reader_reason(loader->reader), consequence);

    note_damage(loader, error,
                &(struct load_damage){.number = loader->n_records,
                                      .offset = reader_offset(loader->reader)});
    return error;
}

// Completes the loading after the last whole record: the file ends there, or a torn record or
// damage follows.
static struct ovsdb_error *load_end(struct loader *loader, enum reader_status status)
{
    struct ovsdb_error *error;

    if (status == READER_FAILED) {
        return reader_problem(loader->reader);
    }
    if (!loader->db) {
        return end_in_damage(loader, ": without its schema the file holds no database");
    }
    if (status == READER_DAMAGED) {
        return end_in_damage(loader, "");
    }
    error = db_load_finish(loader->db, loader->position.progress);
    if (error) {
        note_damage(loader, error,
                    &(struct load_damage){.number = loader->n_records,
                                          .offset = reader_offset(loader->reader),
                                          .is_constraint = true});
        error_prefix(error, "%s: ", loader->path);
        return error;
    }
    loader->loaded.size = reader_offset(loader->reader);
    loader->loaded.n_whole = loader->n_records;
    loader->loaded.is_torn = status == READER_TORN;
    db_set_last_txn_id(loader->db, loader->last_id);
    return NULL;
}

static struct ovsdb_error *load_all(struct loader *loader)
{
    uint64_t max = loader->options->max_records ? loader->options->max_records : UINT64_MAX;
    enum reader_status status = READER_RECORD;
    struct reader_record record;
    struct ovsdb_error *error;

    while (loader->n_records < max &&
           (status = reader_next(loader->reader, &record)) == READER_RECORD) {
        error = record.number ? load_record(loader, &record) : load_schema(loader, &record);
        if (error) {
            return error;
        }
        loader->n_records++;
    }
    assert(loader->n_records <= max);
    return load_end(loader, status);
}

struct ovsdb_error *load_database(struct reader *reader, const char *path,
                                  const struct load_options *options, struct loaded *ret,
                                  struct load_damage *ret_damage)
{
    struct loader loader = {.reader = reader, .path = path, .options = options};
    struct ovsdb_error *error;

    reader_set_progress(reader, options->progress);
    loader.position.progress = options->progress;
    loader.position.file_size = reader_file_size(reader);
    error = load_all(&loader);
    buf_done(&loader.scratch);
    if (error) {
        db_free(loader.db);
        if (ret_damage) {
            *ret_damage = loader.damage;
        }
        return error;
    }
    loader.loaded.db = loader.db;
    *ret = loader.loaded;
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "store/salvage.h"

#include "store/encode.h"
#include "store/load.h"
#include "store/store.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

// The file, which is read several times.
struct source {
    int fd;
    const char *path;
    const struct progress *progress;
};

// Loads the first `max_records` (0: all) and frees the database. On success sets the members of
// *ret, except `damage`; on error sets *ret_damage.
static struct ovsdb_error *try_prefix(const struct source *source, uint64_t max_records,
                                      struct load_damage *ret_damage, struct salvage_prefix *ret)
{
    const struct load_options options = {.progress = source->progress, .max_records = max_records};
    _cleanup_reader_ struct reader *reader = NULL;
    struct ovsdb_error *error = reader_open_fd(source->fd, source->path, &reader);
    struct loaded loaded;

    *ret_damage = (struct load_damage){0};
    if (!error) {
        error = load_database(reader, source->path, &options, &loaded, ret_damage);
    }
    if (!error) {
        db_free(loaded.db);
        ret->n_records = loaded.n_whole;
        ret->size = loaded.size;
        if (loaded.is_torn && !ret->torn) {
            ret->torn = xstrdup(reader_reason(reader));
        }
    }
    return error;
}

// Adds the record after the prefix to the error of load_database(), which names only the file.
static void name_violation(const struct source *source, const struct salvage_prefix *prefix)
{
    char *former = prefix->damage->details;

    prefix->damage->details =
        xasprintf("%s: record %lu at offset %lu violates a constraint: %s", source->path,
                  (unsigned long)prefix->n_records, (unsigned long)prefix->size,
                  former + strlen(source->path) + strlen(": "));
    free(former);
}

// The first `high` records together violate a constraint, and prefix->damage is the error. Finds a
// record with which a violation begins, by a binary search.
static struct ovsdb_error *search_prefix(const struct source *source, uint64_t high,
                                         struct salvage_prefix *prefix,
                                         struct load_damage *ret_damage)
{
    uint64_t low = 1;

    prefix->size = 0;
    while (high - low > 1 || !prefix->size) {
        uint64_t middle = low + (high - low) / 2;
        struct ovsdb_error *error = try_prefix(source, middle, ret_damage, prefix);

        assert(low <= middle && middle <= high);
        if (!error) {
            low = middle;
        } else if (middle > low && ret_damage->is_constraint) {
            error_free(prefix->damage);
            prefix->damage = error;
            high = middle;
        } else {
            return error;
        }
    }
    name_violation(source, prefix);
    return NULL;
}

// Finds the prefix of a file with the damage *damage, whose error is prefix->damage.
static struct ovsdb_error *end_prefix(const struct source *source, struct load_damage *damage,
                                      struct salvage_prefix *prefix)
{
    struct ovsdb_error *error;

    if (!damage->is_constraint) {
        error = try_prefix(source, damage->number, damage, prefix);
        if (!error || !damage->is_constraint) {
            return error;
        }
        error_free(prefix->damage);
        prefix->damage = error;
    }
    return search_prefix(source, damage->number, prefix, damage);
}

struct ovsdb_error *salvage_prefix(int fd, const char *path, const struct progress *progress,
                                   struct salvage_prefix *ret, struct load_damage *ret_damage)
{
    const struct source source = {fd, path, progress};
    struct salvage_prefix prefix = {0};
    struct load_damage damage = {0};
    struct ovsdb_error *error = try_prefix(&source, 0, &damage, &prefix);

    if (error && damage.is_damaged && damage.number) {
        prefix.damage = error;
        error = end_prefix(&source, &damage, &prefix);
    }
    if (error) {
        salvage_prefix_done(&prefix);
        if (ret_damage) {
            *ret_damage = damage;
        }
        return error;
    }
    assert(prefix.n_records && prefix.size);
    *ret = prefix;
    return NULL;
}

void salvage_prefix_done(struct salvage_prefix *prefix)
{
    error_free(prefix->damage);
    free(prefix->torn);
}

// The state of salvage_all().
struct salvager {
    struct reader *reader;
    const char *path;
    const struct findings *findings;
    struct decode_position position;
    struct buf scratch;
    struct salvage result;
};

PRINTF_FORMAT(2, 3)
static void report(const struct salvager *salvager, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    salvager->findings->found(salvager->findings->userdata, text);
}

static struct ovsdb_error *take_schema(struct salvager *salvager,
                                       const struct reader_record *record)
{
    _cleanup_schema_ struct schema *schema = NULL;
    struct slice text;
    struct ovsdb_error *error = record_check(record->text, &text);

    error = error ? error : schema_from_text(text, &schema);
    if (error) {
        error_prefix(error, "%s: record 0 at offset 0: ", salvager->path);
        return error;
    }
    salvager->result.db = db_new(schema, uuid_random);
    return NULL;
}

// On error *ret_is_partial tells if a part of the record was applied.
static struct ovsdb_error *apply_record(struct salvager *salvager,
                                        const struct reader_record *record, bool *ret_is_partial)
{
    struct slice text;
    struct record_info info;
    struct ovsdb_error *error = record_check(record->text, &text);

    *ret_is_partial = false;
    if (!error) {
        error = decode_check(salvager->result.db, text, &salvager->position, &salvager->scratch);
    }
    if (!error) {
        error = decode_record(salvager->result.db, text, &salvager->position, &salvager->scratch,
                              &info);
        *ret_is_partial = error != NULL;
    }
    return error;
}

static struct ovsdb_error *take_record(struct salvager *salvager,
                                       const struct reader_record *record)
{
    struct ovsdb_error *error;
    bool is_partial;

    if (!salvager->result.db) {
        error = take_schema(salvager, record);
        salvager->result.n_records++;
        return error;
    }
    error = apply_record(salvager, record, &is_partial);
    if (!error) {
        salvager->result.n_records++;
    } else if (!strcmp(error->tag, ERROR_IO)) {
        return error; // interrupted
    } else {
        _cleanup_free_ char *text = error_text(error);

        report(salvager, "record %lu at offset %lu (%lu bytes): cannot be applied%s: %s",
               (unsigned long)record->number, (unsigned long)record->offset,
               (unsigned long)record->size, is_partial ? " as a whole" : "", text);
        error_free(error);
        salvager->result.n_refused++;
    }
    return NULL;
}

// Skips bytes that are no whole record.
static void skip_damage(struct salvager *salvager, enum reader_status status)
{
    _cleanup_free_ char *reason = xstrdup(reader_reason(salvager->reader));
    uint64_t size = reader_skip(salvager->reader);

    report(salvager, "%s (%lu bytes%s)", reason, (unsigned long)size,
           status == READER_TORN ? ", an interrupted write" : "");
    if (status == READER_TORN) {
        salvager->result.is_torn = true;
    } else {
        salvager->result.n_damaged++;
    }
}

static struct ovsdb_error *take_records(struct salvager *salvager)
{
    struct reader_record record;
    struct ovsdb_error *error = NULL;
    enum reader_status status;

    while (!error && (status = reader_next(salvager->reader, &record)) != READER_END) {
        if (status == READER_RECORD) {
            error = take_record(salvager, &record);
        } else if (status == READER_FAILED || !salvager->result.db) {
            return reader_problem(salvager->reader);
        } else {
            skip_damage(salvager, status);
        }
    }
    return error;
}

// Makes the database with the applied records consistent.
static struct ovsdb_error *make_consistent(struct salvager *salvager)
{
    struct db *db = salvager->result.db;
    struct ovsdb_error *error;
    size_t n_rows;

    repair_rows(db, salvager->findings, &salvager->result.repaired);
    n_rows = db_n_rows(db);
    error = db_load_finish(db, salvager->position.progress);
    if (!error) {
        salvager->result.n_unreferenced = n_rows - db_n_rows(db);
    }
    return error;
}

struct ovsdb_error *salvage_all(int fd, const char *path, const struct findings *findings,
                                const struct progress *progress, struct salvage *ret)
{
    struct salvager salvager = {.path = path, .findings = findings};
    struct ovsdb_error *error = reader_open_fd(fd, path, &salvager.reader);

    if (error) {
        return error;
    }
    reader_set_progress(salvager.reader, progress);
    salvager.position.progress = progress;
    salvager.position.file_size = reader_file_size(salvager.reader);
    error = take_records(&salvager);
    if (!error && !salvager.result.db) {
        error = error_new(ERROR_OVSDB, "%s: the file has become empty", path);
    }
    error = error ? error : make_consistent(&salvager);
    reader_free(salvager.reader);
    buf_done(&salvager.scratch);
    if (error) {
        db_free(salvager.result.db);
        return error;
    }
    *ret = salvager.result;
    return NULL;
}

bool salvage_is_whole(const struct salvage *salvage)
{
    return !salvage->n_damaged && !salvage->n_refused && !salvage->is_torn &&
           !salvage->repaired.n_references && !salvage->repaired.n_rows;
}

// SPDX-License-Identifier: Apache-2.0
// Cuts off the end of a file when it is opened. The bytes are copied and the copy is synced first,
// so that after a crash at any moment they are in the file or in the copy.
#include "store/store_private.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "store/put_aside.h"
#include "store/salvage.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);

static struct ovsdb_error *cut_at(struct store *store, uint64_t size)
{
    assert(store->lockfile);
    if (ftruncate(store->member.fd, (off_t)size) < 0 || fdatasync(store->member.fd) < 0) {
        return error_io(errno, "%s: the end of the file cannot be cut off", store->path);
    }
    return NULL;
}

struct ovsdb_error *store_cut_torn(struct store *store, const struct reader *reader,
                                   const struct progress *progress)
{
    uint64_t left = reader_file_size(reader) - store->size;
    const char *name = db_schema(store->db)->name;
    _cleanup_free_ char *copy_name =
        xasprintf("%s.torn-%lu", store->real_path, (unsigned long)store->size);
    _cleanup_free_ char *copy = NULL;
    struct ovsdb_error *error =
        put_aside(copy_name, store->member.fd, store->size, progress, &copy);

    assert(store->lockfile);
    if (error) {
        error_prefix(error, "%s: %s; not cut off, because it cannot be copied: ", store->path,
                     reader_reason(reader));
        return error;
    }
    error = cut_at(store, store->size);
    if (!error) {
        log_event(LOG_LEVEL_WARN, MSG_DATABASE_TORN, LOG_FIELDS({"OVSDB_DATABASE", name}),
                  "%s: %s; cut off the last %lu bytes, a record that was not written to its end; "
                  "they are kept in %s",
                  store->path, reader_reason(reader), (unsigned long)left, copy);
    }
    return error;
}

static struct ovsdb_error *cut_to_prefix(struct store *store, const struct salvage_prefix *prefix,
                                         const struct progress *progress)
{
    _cleanup_free_ char *copy_name = xasprintf("%s.damaged", store->real_path);
    _cleanup_free_ char *copy = NULL;
    struct ovsdb_error *error = put_aside(copy_name, store->member.fd, 0, progress, &copy);

    if (error) {
        error_prefix(error,
                     "%s: damaged, and not recovered because it cannot be copied: ", store->path);
        return error;
    }
    error = cut_at(store, prefix->size);
    if (error) {
        return error;
    }
    store->recovery = xasprintf(
        "recovered from damage: %lu whole records (%lu bytes) are left; "
        "the damaged file is kept as %s",
        (unsigned long)prefix->n_records, (unsigned long)prefix->size, copy);
    log_event(LOG_LEVEL_ERR, MSG_DATABASE_RECOVERED, LOG_FIELDS({"OVSDB_FILE", store->path}),
              "%s; the database was %s", prefix->damage->details, store->recovery);
    return NULL;
}

struct ovsdb_error *store_cut_damaged(struct store *store, const struct progress *progress,
                                      struct load_damage *ret_damage)
{
    struct salvage_prefix prefix;
    struct ovsdb_error *error =
        salvage_prefix(store->member.fd, store->path, progress, &prefix, ret_damage);

    assert(store->lockfile);
    if (error) {
        return error;
    }
    *ret_damage = (struct load_damage){0};
    if (prefix.damage) {
        error = cut_to_prefix(store, &prefix, progress);
    }
    salvage_prefix_done(&prefix);
    return error;
}

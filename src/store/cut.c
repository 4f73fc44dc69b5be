// SPDX-License-Identifier: Apache-2.0
#include "store/cut.h"

#include "basic/log.h"
#include "basic/messages.h"
#include "store/put_aside.h"
#include "store/salvage.h"
#include "store/store_private.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);

static struct ovsdb_error *cut_at(int fd, const char *path, uint64_t size)
{
    if (ftruncate(fd, (off_t)size) < 0 || fdatasync(fd) < 0) {
        return error_io(errno, "%s: the end of the file cannot be cut off", path);
    }
    return NULL;
}

struct ovsdb_error *cut_torn(const struct torn_file *file, const struct progress *progress)
{
    _cleanup_free_ char *copy_name =
        xasprintf("%s.torn-%lu", file->real_path, (unsigned long)file->size);
    _cleanup_free_ char *copy = NULL;
    struct ovsdb_error *error = put_aside(copy_name, file->fd, file->size, progress, &copy);

    if (error) {
        error_prefix(error, "%s: %s; not cut off, because it cannot be copied: ", file->path,
                     file->reason);
        return error;
    }
    error = cut_at(file->fd, file->path, file->size);
    if (!error) {
        log_event(LOG_LEVEL_WARN, MSG_DATABASE_TORN, LOG_FIELDS({"OVSDB_DATABASE", file->database}),
                  "%s: %s; cut off the last %lu bytes, a record that was not written to its end; "
                  "they are kept in %s",
                  file->path, file->reason, (unsigned long)file->left, copy);
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
    assert(store->lockfile);
    error = cut_at(store->member.fd, store->path, prefix->size);
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

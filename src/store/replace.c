// SPDX-License-Identifier: Apache-2.0
// Writes whole files without a helper thread: replacement by another database, copies, creation.
#include "store/store_private.h"

#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "store/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

LOG_MODULE(store);

// Installs the new file and makes the store use it. If the directory cannot be synced, a power
// failure may leave either file, so the database becomes read-only.
static struct ovsdb_error *replace_file(struct store *store, struct new_file *file)
{
    struct ovsdb_error *error = new_file_install(file, true);

    if (file->temp_path) {
        return error;
    }
    close(store->member.fd);
    store->member.fd = TAKE_FD(file->fd);
    store_mark_compacted(store, file->size);
    if (error) {
        store_fail(store, -EIO, "the directory of the new file cannot be synced");
        return error;
    }
    group_commit_member_synced(&store->member);
    return NULL;
}

// Replaces the file by a new one with this content.
static struct ovsdb_error *rewrite(struct store *store, const struct new_file_content *content)
{
    struct new_file file;
    struct ovsdb_error *error;

    if (!store->lockfile) {
        return error_new(ERROR_NOT_ALLOWED, "%s: the database is open for reading only",
                         store->path);
    }
    if (store_check(store)) {
        return store_failure_error(store);
    }
    store_stop_compaction(store);
    store_stop_conversion(store);
    if (group_commit_member_wait(&store->member)) {
        return error_io(-group_commit_member_wait(&store->member), "%s: cannot be synced",
                        store->path);
    }
    error = new_file_write(store->real_path, content, store->member.fd, &file);
    if (error) {
        return error;
    }
    error = replace_file(store, &file);
    new_file_done(&file);
    return error;
}

struct ovsdb_error *store_replace(struct store *store, struct db *db, const char *comment,
                                  const struct progress *progress)
{
    struct new_file_content content = {
        .schema = db_schema(db), .db = db, .comment = comment, .progress = progress};
    struct ovsdb_error *error = rewrite(store, &content);

    if (error) {
        return error;
    }
    db_set_log(store->db, NULL);
    db_free(store->db);
    store->db = db;
    db_set_log(db, &store->log);
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_REPLACED,
              LOG_FIELDS({"OVSDB_DATABASE", content.schema->name}), "%s: replaced: %s", store->path,
              comment ? comment : "no comment");
    return NULL;
}

struct ovsdb_error *store_create(const char *path, struct schema *schema)
{
    struct new_file_content content = {.schema = schema};

    return new_file_create(path, &content, -1);
}

struct ovsdb_error *store_write_copy(struct db *db, const char *path, const char *comment,
                                     const struct progress *progress)
{
    struct new_file_content content = {
        .schema = db_schema(db), .db = db, .comment = comment, .progress = progress};

    return new_file_create(path, &content, -1);
}

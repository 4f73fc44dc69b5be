// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool create, compact and convert, which write whole database files.
#include "basic/file.h"
#include "config.h"
#include "store/lockfile.h"
#include "store/new_file.h"
#include "store/store.h"
#include "tools/ovsdb-tool/db_schema.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/schema_file.h"
#include "tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct store *open_store(const char *path, enum store_mode mode,
                                struct group_commit *group_commit)
{
    struct store *store;

    tool_check(store_open(path, mode, group_commit, progress_bar(), &store, NULL));
    return store;
}

void tool_create(const struct tool_context *context, int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : context->default_db;
    _cleanup_schema_ struct schema *schema =
        schema_file_read(argc > 1 ? argv[1] : context->default_schema);

    tool_check(store_create(path, schema));
}

// Replaces the database file `path` by a new file with its mode and owner. No other process may
// have it open for writing.
static void replace_target(struct db *db, const char *path, const char *comment)
{
    struct new_file_content content = {
        .schema = db_schema(db), .db = db, .comment = comment, .progress = progress_bar()};
    _cleanup_free_ char *real_path = NULL;
    _cleanup_close_ int target = -1;
    struct ovsdb_error *error;
    struct lockfile *lockfile;
    struct new_file file;
    int r;

    schema_unref(db_schema_of_file(path));
    r = file_resolve(path, &real_path);
    if (r < 0) {
        tool_fail_errno(-r, "%s: cannot be found", path);
    }
    tool_check(lockfile_acquire(real_path, &lockfile));
    target = open(real_path, O_RDONLY | O_CLOEXEC);
    if (target < 0) {
        tool_fail_errno(errno, "%s: cannot be opened", real_path);
    }
    tool_check(new_file_write(real_path, &content, target, &file));
    error = new_file_install(&file, true);
    new_file_done(&file);
    tool_check(error);
    lockfile_release(lockfile);
}

// Writes the target of a command: a new file, or a replacement of a database. A file that is not a
// database is not replaced.
static void write_target(struct db *db, const char *path, const char *comment)
{
    if (access(path, F_OK) == 0) {
        replace_target(db, path, comment);
    } else {
        tool_check(store_write_copy(db, path, comment, progress_bar()));
    }
}

static void compact_in_place(const char *path)
{
    struct group_commit *group_commit = group_commit_new(NULL, NULL);
    struct store *store = open_store(path, STORE_READ_WRITE, group_commit);

    tool_check(store_compact(store, progress_bar()));
    store_close(store);
    group_commit_free(group_commit);
}

// Whether the target is the source. Then it is changed in place: under its lock, and with a copy of
// a torn record that is cut off.
static bool is_same_file(const char *path, const char *target)
{
    struct stat a, b;

    return !stat(path, &a) && !stat(target, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void tool_compact(const struct tool_context *context, int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : context->default_db;
    struct store *store;

    progress_bar_catch_signals();
    if (argc < 2 || is_same_file(path, argv[1])) {
        compact_in_place(path);
        return;
    }
    store = open_store(path, STORE_READ_ONLY, NULL);
    write_target(store_db(store), argv[1], "compacted by ovsdb-tool " OVSDBD_VERSION);
    store_close(store);
}

static struct db *convert(struct store *store, struct schema *schema)
{
    struct db *db;

    tool_check(store_convert(store_db(store), schema, progress_bar(), &db));
    return db;
}

void tool_convert(const struct tool_context *context, int argc, char **argv)
{
    static const char comment[] = "converted by ovsdb-tool " OVSDBD_VERSION;
    const char *path = argc > 0 ? argv[0] : context->default_db;
    _cleanup_schema_ struct schema *schema =
        schema_file_read(argc > 1 ? argv[1] : context->default_schema);
    struct group_commit *group_commit = NULL;
    struct store *store;
    struct db *db;

    progress_bar_catch_signals();
    if (argc > 2 && !is_same_file(path, argv[2])) {
        store = open_store(path, STORE_READ_ONLY, NULL);
        db = convert(store, schema);
        write_target(db, argv[2], comment);
        db_free(db);
    } else {
        group_commit = group_commit_new(NULL, NULL);
        store = open_store(path, STORE_READ_WRITE, group_commit);
        db = convert(store, schema);
        tool_check(store_replace(store, db, comment, progress_bar()));
    }
    store_close(store);
    group_commit_free(group_commit);
}

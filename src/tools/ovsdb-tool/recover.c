// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool check reports which records of a database file are whole; recover writes them to a new
// file. Neither changes the file, so a server may have it open.
#include "basic/file.h"
#include "config.h"
#include "store/lockfile.h"
#include "store/new_file.h"
#include "store/salvage.h"
#include "tools/ovsdb-tool/cluster.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define EXIT_DAMAGED 2
#define COMMENT      "recovered by ovsdb-tool " OVSDBD_VERSION

// An open file; closed at the end of the program.
struct checked_file {
    const char *path;
    int fd;
};

static struct checked_file open_file(const char *path)
{
    // Without O_NONBLOCK a FIFO would block here.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        tool_fail_errno(errno, "%s: open failed", path);
    }
    return (struct checked_file){path, fd};
}

static bool is_clustered(const struct checked_file *file)
{
    _cleanup_reader_ struct reader *reader = NULL;

    tool_check(reader_open_any(file->path, &reader));
    return reader_is_clustered(reader);
}

static void on_found(void *userdata, const char *text)
{
    const struct checked_file *file = userdata;

    progress_bar_clear();
    printf("%s: %s\n", file->path, text);
}

static struct salvage salvage(struct checked_file *file)
{
    const struct findings findings = {on_found, file};
    struct salvage result;

    tool_check(salvage_all(file->fd, file->path, &findings, progress_bar(), &result));
    return result;
}

static void print_totals(const struct checked_file *file, const struct salvage *result,
                         const char *what)
{
    printf("%s: %s: %lu records, %zu rows\n", file->path, what, (unsigned long)result->n_records,
           db_n_rows(result->db));
}

static struct salvage_prefix find_prefix(const struct checked_file *file)
{
    struct salvage_prefix prefix;

    tool_check(salvage_prefix(file->fd, file->path, progress_bar(), &prefix, NULL));
    return prefix;
}

static void print_prefix(const struct checked_file *file, const struct salvage_prefix *prefix)
{
    if (prefix->damage) {
        printf("%s: first damage: %s\n", file->path,
               prefix->damage->details + strlen(file->path) + strlen(": "));
    } else if (prefix->torn) {
        printf("%s: %s (an interrupted write)\n", file->path, prefix->torn);
    }
    printf("%s: whole before it: the first %lu records, %lu bytes\n", file->path,
           (unsigned long)prefix->n_records, (unsigned long)prefix->size);
}

// Whether a server is writing to the file.
static bool is_in_use(const char *path)
{
    _cleanup_free_ char *real_path = NULL;

    return !file_resolve(path, &real_path) && lockfile_is_held(real_path);
}

// Whether the only fault is an incomplete record at the end of a file in use: a server is writing
// it.
static bool is_being_written(const struct checked_file *file, const struct salvage *result)
{
    struct salvage rest = *result;

    rest.is_torn = false;
    return result->is_torn && salvage_is_whole(&rest) && is_in_use(file->path);
}

void tool_check_file(const struct tool_context *context, int argc, char **argv)
{
    struct checked_file file = open_file(argc > 0 ? argv[0] : context->default_db);
    struct salvage result;
    struct salvage_prefix prefix;

    if (is_clustered(&file)) {
        if (!cluster_check(file.path, is_in_use(file.path))) {
            tool_finish();
            exit(EXIT_DAMAGED);
        }
        return;
    }
    result = salvage(&file);
    if (salvage_is_whole(&result)) {
        print_totals(&file, &result, "the file is good");
        db_free(result.db);
        return;
    }
    if (is_being_written(&file, &result)) {
        print_totals(&file, &result, "the file is good, its last record is being written");
        db_free(result.db);
        return;
    }
    prefix = find_prefix(&file);
    print_prefix(&file, &prefix);
    print_totals(&file, &result, "with all whole records that can be applied (--skip-damaged)");
    printf("%s: %s; \"ovsdb-tool recover %s NEW\" writes what is whole to a new file\n", file.path,
           prefix.damage ? "the file is damaged" : "the last record is incomplete", file.path);
    salvage_prefix_done(&prefix);
    db_free(result.db);
    tool_finish();
    exit(EXIT_DAMAGED);
}

static void recover_prefix(struct checked_file *file, const char *target)
{
    struct salvage_prefix prefix = find_prefix(file);
    const struct new_file_bytes bytes = {.fd = file->fd, .size = prefix.size};
    const struct new_file_content content = {.bytes = &bytes, .progress = progress_bar()};
    off_t size = lseek(file->fd, 0, SEEK_END);

    tool_check(new_file_create(target, &content, file->fd));
    print_prefix(file, &prefix);
    printf("%s: written: %lu records, %lu bytes; left out: %lu bytes\n", target,
           (unsigned long)prefix.n_records, (unsigned long)prefix.size,
           (unsigned long)MAX((int64_t)0, (int64_t)size - (int64_t)prefix.size));
    salvage_prefix_done(&prefix);
}

static void recover_all(struct checked_file *file, const char *target)
{
    struct salvage result = salvage(file);
    const struct new_file_content content = {
        .schema = db_schema(result.db),
        .db = result.db,
        .comment = COMMENT,
        .progress = progress_bar(),
    };

    tool_check(new_file_create(target, &content, file->fd));
    printf(
        "%s: written: %zu rows from %lu records; left out: %lu damaged places, %lu records that "
        "cannot be applied, %zu rows, %zu references, %zu unreferenced rows\n",
        target, db_n_rows(result.db), (unsigned long)result.n_records,
        (unsigned long)(result.n_damaged + result.is_torn), (unsigned long)result.n_refused,
        result.repaired.n_rows, result.repaired.n_references + result.repaired.n_weak,
        result.n_unreferenced);
    db_free(result.db);
}

void tool_recover(const struct tool_context *context, int argc, char **argv)
{
    struct checked_file file = open_file(argv[0]);

    progress_bar_catch_signals();
    if (is_clustered(&file)) {
        if (context->skip_damaged) {
            tool_fail(
                "%s: the entries of a clustered database after a missing one cannot be "
                "applied; use recover without --skip-damaged",
                file.path);
        }
        cluster_recover(file.path, file.fd, argv[1]);
    } else if (context->skip_damaged) {
        recover_all(&file, argv[1]);
    } else {
        recover_prefix(&file, argv[1]);
    }
}

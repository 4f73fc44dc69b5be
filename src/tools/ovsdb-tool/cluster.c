// SPDX-License-Identifier: Apache-2.0
// The verbs of ovsdb-tool that read the file of one member of a cluster: ids and address, the
// conversion to a standalone database, and "check" and "recover" for such a file.
#include "tools/ovsdb-tool/cluster.h"

#include "cluster/contents.h"
#include "store/cluster_file.h"
#include "store/new_file.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define EXIT_UNKNOWN 2 // exit status of db-cid for a server that does not know the cluster yet

static struct cluster_file *open_cluster(const char *path)
{
    struct cluster_file *file;

    tool_check(cluster_file_open(path, progress_bar(), &file));
    return file;
}

void tool_db_cid(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_cluster_file_ struct cluster_file *file = open_cluster(argv[0]);
    struct uuid cid = cluster_file_log(file)->header.cluster_id;
    char text[UUID_TEXT_SIZE];

    if (uuid_is_zero(cid)) {
        fprintf(stderr, "%s: cluster ID not yet known\n", argv[0]);
        exit(EXIT_UNKNOWN);
    }
    puts(uuid_text(cid, text));
}

void tool_db_sid(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_cluster_file_ struct cluster_file *file = open_cluster(argv[0]);
    char text[UUID_TEXT_SIZE];

    puts(uuid_text(cluster_file_log(file)->header.server_id, text));
}

void tool_db_local_address(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_cluster_file_ struct cluster_file *file = open_cluster(argv[0]);

    puts(cluster_file_log(file)->header.local_address);
}

// The schema and the transactions after it become the records of the standalone file.
static int put_contents(struct new_file *file, const struct new_file_content *content)
{
    struct contents contents;
    int r;

    contents_init(&contents, content->userdata);
    r = new_file_put_schema(file, content->schema);
    for (size_t i = 0; i < contents.n_transactions && !r; i++) {
        r = new_file_put_record(file, RECORD_MAGIC, contents.transactions[i].text);
    }
    contents_done(&contents);
    return r;
}

void tool_cluster_to_standalone(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_cluster_file_ struct cluster_file *file = NULL;
    const struct member_log *log;
    struct new_file_content content;
    struct db *db;

    progress_bar_catch_signals();
    tool_check(cluster_file_load(argv[1], progress_bar(), &file));
    log = cluster_file_log(file);
    if (!file_header_is_member(&log->header)) {
        tool_fail("%s: the server has not joined the cluster, its file has no contents", argv[1]);
    }
    tool_check(cluster_file_build(file, &db));
    content = (struct new_file_content){
        .put = put_contents, .userdata = log, .schema = db_schema(db), .progress = progress_bar()};
    tool_check(new_file_create(argv[0], &content, -1));
    db_free(db);
}

// Reads the file up to its end or the first damage, which is returned.
static struct ovsdb_error *read_whole(struct cluster_file *file)
{
    const struct file_record *record;
    struct ovsdb_error *error;

    do {
        error = cluster_file_next(file, &record);
    } while (!error && record);
    if (error && !strcmp(error->tag, ERROR_IO)) {
        tool_fail_error(error);
    }
    return error;
}

static void print_whole(const struct cluster_file *file, const struct ovsdb_error *damage)
{
    const char *path = cluster_file_path(file);

    progress_bar_clear();
    if (damage) {
        printf("%s: first damage: %s\n", path, damage->details + strlen(path) + strlen(": "));
    } else if (cluster_file_torn(file)) {
        printf("%s: %s (an interrupted write)\n", path, cluster_file_torn(file));
    }
    printf("%s: whole before it: the first %" PRIu64 " records, %" PRIu64 " bytes\n", path,
           cluster_file_n_records(file), cluster_file_size(file));
}

static void print_log(const struct cluster_file *file, const char *state)
{
    const struct member_log *log = cluster_file_log(file);

    printf("%s: %s: %" PRIu64 " records, ", cluster_file_path(file), state,
           cluster_file_n_records(file));
    if (!file_header_is_member(&log->header)) {
        puts("the server has not joined the cluster");
    } else if (!log->n_entries) {
        printf("a snapshot of index %" PRIu64 ", no log entries\n", log->header.prev_index);
    } else {
        printf("log entries %" PRIu64 " to %" PRIu64 ", committed up to %" PRIu64 "\n",
               log->header.prev_index + 1, member_log_last_index(log), log->commit_index);
    }
}

// The error of the contents, NULL if they are good.
static struct ovsdb_error *check_contents(const struct cluster_file *file)
{
    struct db *db = NULL;
    struct ovsdb_error *error = NULL;

    if (file_header_is_member(&cluster_file_log(file)->header)) {
        error = cluster_file_build(file, &db);
        db_free(db);
    }
    return error;
}

bool cluster_check(const char *path, bool is_in_use)
{
    _cleanup_cluster_file_ struct cluster_file *file = open_cluster(path);
    _cleanup_error_ struct ovsdb_error *damage = read_whole(file);
    bool is_being_written = !damage && cluster_file_torn(file) && is_in_use;

    if (damage || (cluster_file_torn(file) && !is_being_written)) {
        print_whole(file, damage);
        printf("%s: %s; \"ovsdb-tool recover %s NEW\" writes what is whole to a new file\n", path,
               damage ? "the file is damaged" : "the last record is incomplete", path);
        return false;
    }
    damage = check_contents(file);
    if (damage) {
        _cleanup_free_ char *text = error_text(damage);

        printf("%s: all records are whole, but the contents are damaged: %s\n", path, text);
        return false;
    }
    print_log(file, is_being_written ? "the file is good, its last record is being written"
                                     : "the file is good");
    return true;
}

void cluster_recover(const char *path, int fd, const char *target)
{
    _cleanup_cluster_file_ struct cluster_file *file = open_cluster(path);
    _cleanup_error_ struct ovsdb_error *damage = read_whole(file);
    const struct new_file_bytes bytes = {.fd = fd, .size = cluster_file_size(file)};
    const struct new_file_content content = {.bytes = &bytes, .progress = progress_bar()};
    off_t size = lseek(fd, 0, SEEK_END);

    tool_check(new_file_create(target, &content, fd));
    print_whole(file, damage);
    printf("%s: written: %" PRIu64 " records, %" PRIu64 " bytes; left out: %" PRIu64 " bytes\n",
           target, cluster_file_n_records(file), bytes.size,
           (uint64_t)MAX((int64_t)0, (int64_t)size - (int64_t)bytes.size));
    if (bytes.size < (uint64_t)size) {
        printf(
            "%s: no server may start with this file while other members of the cluster exist: it "
            "may lack a vote or entries that the others count on; use it for "
            "\"ovsdb-tool cluster-to-standalone\", and let a new server join the cluster\n",
            target);
    }
}

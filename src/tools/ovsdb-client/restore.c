// SPDX-License-Identifier: Apache-2.0
// ovsdb-client restore: reads a database file from standard input and replaces the contents of the
// server's database by its contents, in one transaction. The transaction depends on the server's
// rows, which are selected before; if they have changed when it runs, it fails and is built again.
// An incomplete or damaged file restores nothing.
#include "basic/file.h"
#include "store/load.h"
#include "store/store.h"
#include "tools/ovsdb-client/restore_request.h"
#include "tools/ovsdb-client/select.h"
#include "tools/ovsdb-client/stage.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"
#include "json/cursor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TRIES 10

// The name of standard input for messages: the path if it is a file. Caller frees.
static char *input_name(void)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/fd/0", path, sizeof(path) - 1);
    struct stat st;

    if (size > 0 && !fstat(STDIN_FILENO, &st) && S_ISREG(st.st_mode)) {
        return xstrndup(path, (size_t)size);
    }
    return xstrdup("standard input");
}

// Copies standard input, which may be a pipe, to a file in which the reader can seek.
static int copy_input(const char *input)
{
    _cleanup_close_ int fd = memfd_create("ovsdb-client-restore", MFD_CLOEXEC);
    _cleanup_buf_ struct buf text = {0};
    int r;

    if (isatty(STDIN_FILENO)) {
        tool_fail("%s is a terminal, redirect it from a file", input);
    }
    r = file_read_fd(STDIN_FILENO, &text);
    if (r < 0) {
        tool_fail_errno(-r, "%s: reading failed", input);
    }
    r = fd < 0 ? -errno : file_write_at(fd, text.data, text.size, 0);
    if (r < 0) {
        tool_fail_errno(-r, "%s: keeping a copy failed", input);
    }
    return TAKE_FD(fd);
}

static struct db *read_input(const char *input)
{
    _cleanup_close_ int fd = copy_input(input);
    _cleanup_reader_ struct reader *reader = NULL;
    struct loaded loaded;

    tool_check(reader_open_fd(fd, input, &reader));
    tool_check(load_database(reader, input, &(struct load_options){.progress = progress_bar()},
                             &loaded, NULL));
    if (loaded.is_torn) {
        tool_fail_error(reader_problem(reader));
    }
    return loaded.db;
}

// Loads standard input, and converts it to the server's schema with --force.
static struct db *read_wanted(struct client_context *context)
{
    _cleanup_schema_ struct schema *schema = client_fetch_schema(context);
    _cleanup_free_ char *input = input_name();
    struct db *db = read_input(input), *converted;

    if (schema_equals(db_schema(db), schema)) {
        return db;
    }
    if (!context->force) {
        tool_fail(
            "%s: the schema differs from that of the server's database %s (--force restores "
            "what fits nevertheless)",
            input, context->database);
    }
    tool_check(store_convert(db, schema, progress_bar(), &converted));
    db_free(db);
    return converted;
}

static void note_rows(struct client_context *context, const struct selection *selection,
                      struct slice rows, void *userdata)
{
    tool_check(restore_request_note(userdata, selection->table, rows));
}

static void note_all(struct client_context *context, struct restore_request *request)
{
    struct schema *schema = db_schema(request->wanted);
    _cleanup_free_ struct selection *selections = NEW_ARRAY(struct selection, schema->n_tables + 1);

    for (size_t i = 0; i < schema->n_tables; i++) {
        const struct table_schema *table = &schema->tables[i];

        selections[i].table = table;
        selections[i].columns = NEW_ARRAY(const struct column *, table->n_columns);
        selections[i].n = restore_request_columns(table, selections[i].columns);
    }
    client_select(context, selections, schema->n_tables, note_rows, request);
    for (size_t i = 0; i < schema->n_tables; i++) {
        free(selections[i].columns);
    }
}

// The first result that is an error; an empty slice if there is none.
static struct slice find_error(struct slice results)
{
    struct cursor cursor;

    if (json_kind_of(results) != JSON_KIND_ARRAY) {
        return results;
    }
    cursor_init(&cursor, results);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice result = cursor_skip(&cursor);

        if (json_member(result, "error").data) {
            return result;
        }
    }
    return SLICE_EMPTY;
}

enum outcome {
    RESTORED,
    CHANGED, // the server's rows have changed since they were selected
    NO_UUID, // the server does not support "uuid" in "insert"
};

static enum outcome outcome_of(struct slice results, bool knew_uuid)
{
    struct slice result = find_error(results);
    struct slice error;

    if (!result.data) {
        return RESTORED;
    }
    error = json_member(result, "error");
    if (error.data && slice_is(error, "\"timed out\"")) {
        return CHANGED;
    }
    if (error.data && slice_is(error, "\"syntax error\"") && knew_uuid) {
        return NO_UUID;
    }
    tool_fail_json(result, "restoring failed");
}

static enum outcome try_restore(struct client_context *context, struct db *wanted, bool knows_uuid)
{
    _cleanup_buf_ struct buf reply = {0};
    struct restore_request request;
    enum outcome outcome;
    size_t n_renamed;

    restore_request_init(&request, wanted, knows_uuid);
    note_all(context, &request);
    client_transact_long(context, restore_request_end(&request, &n_renamed), &reply);
    restore_request_done(&request);
    outcome = outcome_of(buf_slice(&reply), knows_uuid);
    if (outcome == RESTORED && n_renamed) {
        fprintf(stderr, "%s: %zu rows have got new UUIDs\n", tool_name(), n_renamed);
    }
    return outcome;
}

void client_restore(struct client_context *context, int argc, char **argv)
{
    struct db *wanted = read_wanted(context);
    enum outcome outcome = CHANGED;
    bool knows_uuid = true;

    client_show_progress(context->client, true);
    for (int i = 0; outcome != RESTORED; i++) {
        if (i == MAX_TRIES) {
            tool_fail("%s: the database %s changed during each of the attempts", context->server,
                      context->database);
        }
        outcome = try_restore(context, wanted, knows_uuid);
        knows_uuid &= outcome != NO_UUID;
    }
    db_free(wanted);
}

// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool create-cluster and join-cluster, which make the files with which the servers of a
// cluster start.
#include "basic/str.h"
#include "model/id.h"
#include "net/address.h"
#include "store/cluster_new.h"
#include "store/store.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/schema_file.h"
#include "tools/tool.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

// The text after the port's colon in the rest of "tcp:HOST:PORT", or NULL.
static const char *find_port(const char *host)
{
    const char *end = *host == '[' ? strchr(host, ']') : host;
    const char *colon = end ? strchr(end, ':') : NULL;

    return colon ? colon + 1 : NULL;
}

// An address of a server for the other servers: a target to connect to, always with the port.
static void check_address(const char *text)
{
    struct address address;
    bool is_to_connect, has_port = true;
    struct failure *failure = address_parse(text, &address);

    if (failure) {
        char *reason = failure_take_text(failure);

        failure = failure_new(FAILURE_INVALID, "%s: expected \"tcp\" or \"ssl\" address (%s)", text,
                              reason);
        free(reason);
        tool_fail_failure(failure);
    }
    is_to_connect = !address.is_passive;
    if (is_to_connect && address.kind != ADDRESS_UNIX) {
        const char *port = find_port(strchr(text, ':') + 1);

        has_port = port && *port && address.port;
    }
    address_done(&address);
    if (!is_to_connect) {
        tool_fail("%s: expected \"tcp\" or \"ssl\" address to connect to", text);
    }
    if (!has_port) {
        tool_fail("%s: syntax error in address (a port from 1 to 65535 must be specified)", text);
    }
}

// Removes "ephemeral" from the columns of a table. Returns how many columns had it.
static size_t make_columns_persistent(json_t *columns, const char *table, const char *path)
{
    const char *name;
    json_t *column;
    size_t n = 0;

    json_object_foreach(columns, name, column)
    {
        if (json_is_true(json_object_get(column, "ephemeral"))) {
            json_object_del(column, "ephemeral");
            fprintf(stderr,
                    "%s: %s: column %s of table %s becomes persistent, because clusters do not "
                    "support ephemeral columns\n",
                    tool_name(), path, name, table);
            n++;
        }
    }
    return n;
}

// The same schema without ephemeral columns. Takes `schema`.
static struct schema *make_persistent(struct schema *schema, const char *path)
{
    json_t *json = schema_to_json(schema), *table;
    struct schema *persistent;
    const char *name;
    size_t n = 0;

    json_object_foreach(json_object_get(json, "tables"), name, table)
    {
        n += make_columns_persistent(json_object_get(table, "columns"), name, path);
    }
    if (n) {
        tool_check(schema_from_json(json, &persistent));
        schema_unref(schema);
        schema = persistent;
    }
    json_decref(json);
    return schema;
}

// Whether the file begins like a database file; otherwise it should be a schema.
static bool is_database(const char *path)
{
    static const char magic[] = "OVSDB ";
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char head[sizeof(magic) - 1];

    return fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
           !memcmp(head, magic, sizeof(head));
}

static unsigned parse_election_timer(const char *text)
{
    uint64_t number;

    if (!text) {
        return 0;
    }
    if (!str_parse_number(text, ELECTION_TIMER_MAX, &number) || number < ELECTION_TIMER_MIN) {
        tool_fail("%s: election timer must be between %d and %d, in msec", text, ELECTION_TIMER_MIN,
                  ELECTION_TIMER_MAX);
    }
    return (unsigned)number;
}

void tool_create_cluster(const struct tool_context *context, int argc, char **argv)
{
    const char *contents = argv[1];
    _cleanup_free_ char *comment = xasprintf("created from %s", contents);
    struct cluster_new new = {
        .address = argv[2],
        .election_timer = parse_election_timer(context->election_timer),
        .comment = comment,
        .progress = progress_bar(),
    };
    struct store *store = NULL;

    progress_bar_catch_signals();
    check_address(argv[2]);
    if (is_database(contents)) {
        tool_check(store_open(contents, STORE_READ_ONLY, NULL, progress_bar(), &store, NULL));
        new.db = store_db(store);
        new.schema = schema_ref(db_schema(new.db));
    } else {
        new.schema = schema_file_read(contents);
    }
    new.schema = make_persistent(new.schema, contents);
    tool_check(cluster_new_create(argv[0], &new));
    schema_unref(new.schema);
    store_close(store);
}

void tool_join_cluster(const struct tool_context *context, int argc, char **argv)
{
    struct file_header header = {
        .server_id = uuid_random(),
        .name = argv[1],
        .local_address = argv[2],
        .remote_addresses = argv + 3,
        .n_remote_addresses = (size_t)argc - 3,
    };

    if (!id_is_valid(slice_of(argv[1]))) {
        tool_fail("%s: not a valid schema name (\"schema-name\" prints the name of a schema)",
                  argv[1]);
    }
    if (context->cid && (!uuid_parse(slice_of(context->cid), &header.cluster_id) ||
                         uuid_is_zero(header.cluster_id))) {
        tool_fail("%s: not a valid UUID", context->cid);
    }
    check_address(argv[2]);
    for (int i = 3; i < argc; i++) {
        check_address(argv[i]);
        if (!strcmp(argv[i], argv[2])) {
            tool_fail("%s: remote addresses cannot be the same as the local address", argv[i]);
        }
    }
    tool_check(cluster_new_join(argv[0], &header));
}

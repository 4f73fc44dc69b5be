// SPDX-License-Identifier: Apache-2.0
// Chooses a database and, of several servers, the first that has this database, is connected, is
// the leader (unless --no-leader-only) and belongs to the cluster of "cid:". The row of the
// database in _Server has this state; a server without _Server is accepted without these checks.
#include "basic/str.h"
#include "tools/ovsdb-client/verbs.h"
#include "tools/tool.h"
#include "json/cursor.h"
#include "json/emit.h"

static char *lost_reason(const struct client_context *context)
{
    return xasprintf("receive failed: %s", client_lost_reason(context->client));
}

static bool contains(char **names, const char *name)
{
    for (; *names; names++) {
        if (!strcmp(*names, name)) {
            return true;
        }
    }
    return false;
}

// Open_vSwitch, or the only database whose name does not begin with an underscore, or NULL.
static const char *default_database(char **names)
{
    const char *only = NULL;
    size_t n = 0;

    if (contains(names, "Open_vSwitch")) {
        return "Open_vSwitch";
    }
    for (; *names; names++) {
        if (**names != '_') {
            only = *names;
            n++;
        }
    }
    return n == 1 ? only : NULL;
}

static char *join_names(char **names)
{
    struct buf text = {0};

    for (; *names; names++) {
        buf_printf(&text, "%s%s", text.size ? ", " : "", *names);
    }
    return buf_steal(&text);
}

// Chooses context->database. Returns the reason why the server cannot be used, or NULL. Caller
// frees.
static char *choose_database(struct client_context *context, const char *argument,
                             bool may_be_other, bool *ret_is_argument)
{
    _cleanup_free_ char *all = NULL;
    const char *name;

    client_strings_free(&context->databases);
    if (!client_list_databases(context->client, &context->databases)) {
        return lost_reason(context);
    }
    *ret_is_argument = argument && contains(context->databases, argument);
    name = *ret_is_argument ? argument : default_database(context->databases);
    all = join_names(context->databases);
    if (argument && !*ret_is_argument && (!may_be_other || !name)) {
        return xasprintf("there is no database \"%s\" (databases: %s)", argument, all);
    }
    if (!name) {
        return xasprintf(
            "could not find a default database, please specify a database name "
            "(databases: %s)",
            all);
    }
    free(context->database);
    context->database = xstrdup(name);
    context->not_database = *ret_is_argument ? NULL : argument;
    return NULL;
}

static bool is_true(struct slice row, const char *column)
{
    struct slice value = json_member(row, column);

    return value.data && slice_is(value, "true");
}

static bool is_in_cluster(struct slice row, struct uuid cid)
{
    struct slice value = json_member(row, "cid");
    char wanted[UUID_TEXT_SIZE];
    _cleanup_free_ char *text = xasprintf("[\"uuid\",\"%s\"]", uuid_text(cid, wanted));

    return value.data && slice_is(value, text);
}

static char *check_row(struct client_context *context, struct slice row)
{
    struct uuid cid;

    if (client_cluster(context->client, &cid) && !is_in_cluster(row, cid)) {
        return xasprintf("%s is not a database of that cluster", context->database);
    }
    if (!is_true(row, "connected")) {
        return xasprintf("%s is not connected to its cluster", context->database);
    }
    if (context->leader_only && !is_true(row, "leader")) {
        return xasprintf("it is not the leader of %s", context->database);
    }
    return NULL;
}

// The database's row in _Server from the reply of its "select". False: there is no such table.
static bool find_row(struct slice reply, struct slice *ret)
{
    struct slice result, rows;

    if (json_cut(reply, &result, 1) < 1) {
        return false;
    }
    rows = json_kind_of(result) == JSON_KIND_OBJECT ? json_member(result, "rows") : SLICE_EMPTY;
    if (!rows.data || json_kind_of(rows) != JSON_KIND_ARRAY) {
        return false;
    }
    *ret = SLICE_EMPTY;
    json_cut(rows, ret, 1);
    return !ret->data || json_kind_of(*ret) == JSON_KIND_OBJECT;
}

// Checks the server's row of context->database. Returns the reason why the server cannot be used,
// or NULL. Caller frees.
static char *check_server(struct client_context *context)
{
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};
    enum client_result result;
    struct slice row;

    buf_puts(&params,
             "[\"_Server\",{\"op\":\"select\",\"table\":\"Database\",\"columns\":"
             "[\"connected\",\"leader\",\"cid\"],\"where\":[[\"name\",\"==\",");
    emit_string(&params, slice_of(context->database));
    buf_puts(&params, "]]}]");
    result = client_call(context->client, "transact", buf_slice(&params), &reply);
    if (result == CLIENT_LOST) {
        return lost_reason(context);
    }
    if (result != CLIENT_RESULT || !find_row(buf_slice(&reply), &row)) {
        return NULL;
    }
    return row.data ? check_row(context, row)
                    : xasprintf("there is no database \"%s\"", context->database);
}

// Whether the state of the server matters: not for a single server without further requirements.
static bool must_check_server(const struct client_context *context)
{
    struct uuid cid;

    return client_n_servers(context->client) > 1 || client_cluster(context->client, &cid) ||
           context->leader_only_given;
}

bool client_choose(struct client_context *context, const struct client_verb *verb,
                   const char *argument, bool may_be_other)
{
    bool is_argument = false;
    char *reason;

    if (!must_check_server(context)) {
        client_stay(context->client);
    }
    do {
        context->server = client_server(context->client);
        reason = verb->needs == NEEDS_DATABASE
                     ? choose_database(context, argument, may_be_other, &is_argument)
                     : NULL;
        if (!reason && context->database && must_check_server(context)) {
            reason = check_server(context);
        }
        if (reason) {
            client_next_server(context->client, reason);
            free(reason);
        }
    } while (reason);
    client_stay(context->client);
    return is_argument;
}

noreturn void client_fail_no_table(const struct client_context *context, const char *name)
{
    if (contains(context->databases, name)) {
        tool_fail("\"%s\" is a database: the argument TABLE is missing", name);
    }
    if (context->not_database && !strcmp(context->not_database, name)) {
        tool_fail("\"%s\" is neither a database of %s nor a table of %s", name, context->server,
                  context->database);
    }
    tool_fail("No table \"%s\" found.", name);
}

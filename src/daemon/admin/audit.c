// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/audit.h"

#include "control/command.h"
#include "control/reply.h"
#include "daemon/parts.h"
#include "model/schema.h"
#include "session/audit.h"

#include <string.h>

// Switches logging of `target`, "DB" or "DB:TABLE".
static struct failure *set_audit(const struct parts *parts, const char *target, bool on)
{
    const char *colon = strchrnul(target, ':');
    _cleanup_free_ char *name = xstrndup(target, (size_t)(colon - target));
    const char *table = *colon ? colon + 1 : NULL;
    const struct db *db = server_find_db(parts->server, slice_of(name));

    if (!name[0] || (table && !table[0])) {
        return failure_new(FAILURE_INVALID, "invalid DB:TABLE argument");
    }
    if (!db) {
        return failure_new(FAILURE_MISSING, "no such database");
    }
    if (table && !schema_find_table(db_schema(db), slice_of(table))) {
        return failure_new(FAILURE_MISSING, "no such table");
    }
    audit_set(parts->server, name, table, on);
    return NULL;
}

static void on_tlog_set(struct command_call *call, int argc, char **argv, void *userdata)
{
    bool on = !strcmp(argv[2], "on");

    command_reply_failure(call, on || !strcmp(argv[2], "off")
                                    ? set_audit(userdata, argv[1], on)
                                    : failure_new(FAILURE_INVALID, "invalid command argument"));
}

static void print_audit(const json_t *reply, struct buf *text)
{
    const char *database = NULL;
    const json_t *record;
    size_t i;

    buf_puts(text,
             "database        table                       logging\n"
             "--------        -----                       -------\n");
    json_array_foreach(json_object_get(reply, "tables"), i, record)
    {
        if (!database || strcmp(database, reply_string(record, "database"))) {
            database = reply_string(record, "database");
            buf_printf(text, "%-16s \n", database);
        }
        buf_printf(text, "%-16s%-28s%s\n", "", reply_string(record, "table"),
                   json_is_true(json_object_get(record, "enabled")) ? "ON" : "OFF");
    }
}

static void add_database(const struct parts *parts, const struct db *db, json_t *tables)
{
    const struct schema *schema = db_schema(db);

    for (size_t i = 0; i < schema->n_tables; i++) {
        const char *table = schema->tables[i].name;

        json_array_append_new(
            tables, json_pack("{ss ss sb}", "database", schema->name, "table", table, "enabled",
                              (int)audit_is_on(parts->server, schema->name, table)));
    }
}

static void on_tlog_list(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct parts *parts = userdata;
    const struct db *server_db = server_find_db(parts->server, SLICE("_Server"));
    json_t *tables = json_array();
    struct db *db;
    const char *name;
    size_t state = 0;

    if (server_db) {
        add_database(parts, server_db, tables);
    }
    while ((db = databases_next_db(parts->databases, &state, &name))) {
        add_database(parts, db, tables);
    }
    command_reply_value(call, json_pack("{so}", "tables", tables), print_audit);
}

static const struct command commands[] = {
    {"ovsdb-server/tlog-set", "DB[:TABLE] on|off", 2, 2, on_tlog_set, .method = "SetAudit",
     .args = {{"target", ARG_STRING}, {"enabled", ARG_ON_OFF}}},
    {"ovsdb-server/tlog-list", "", 0, 0, on_tlog_list, .method = "GetAudit",
     .result = COMMAND_RECORDS("tables", {"database", FIELD_STRING}, {"table", FIELD_STRING},
                               {"enabled", FIELD_BOOLEAN}),
     .reads = true},
    {NULL},
};

void audit_register_commands(struct command_registry *registry, const struct parts *parts)
{
    command_register(registry, commands, (void *)parts);
}

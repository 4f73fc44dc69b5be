// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit.h"

#include "daemon/daemon.h"
#include "model/schema.h"
#include "session/audit.h"

#include <string.h>

// "DB" or "DB:TABLE". NULL, or what is wrong with it (static).
static const char *set(struct daemon *daemon, const char *target, bool on)
{
    const char *colon = strchrnul(target, ':');
    _cleanup_free_ char *name = xstrndup(target, (size_t)(colon - target));
    const char *table = *colon ? colon + 1 : NULL;
    const struct db *db = server_find_db(daemon->server, slice_of(name));

    if (!name[0] || (table && !table[0])) {
        return "invalid DB:TABLE argument";
    }
    if (!db) {
        return "no such database";
    }
    if (table && !schema_find_table(db_schema(db), slice_of(table))) {
        return "no such table";
    }
    audit_set(daemon->server, name, table, on);
    return NULL;
}

static void on_tlog_set(struct command_call *call, int argc, char **argv, void *userdata)
{
    bool on = !strcmp(argv[2], "on");
    const char *error =
        on || !strcmp(argv[2], "off") ? set(userdata, argv[1], on) : "invalid command argument";

    if (error) {
        command_reply_error(call, error);
    } else {
        command_reply(call, "");
    }
}

static void put_database(const struct daemon *daemon, const struct db *db, struct buf *text)
{
    const struct schema *schema = db_schema(db);

    buf_printf(text, "%-16s \n", schema->name);
    for (size_t i = 0; i < schema->n_tables; i++) {
        const char *table = schema->tables[i].name;

        buf_printf(text, "%-16s%-28s%s\n", "", table,
                   audit_is_on(daemon->server, schema->name, table) ? "ON" : "OFF");
    }
}

static void on_tlog_list(struct command_call *call, int argc, char **argv, void *userdata)
{
    const struct daemon *daemon = userdata;
    const struct db *own = server_find_db(daemon->server, SLICE("_Server"));
    _cleanup_buf_ struct buf text = {0};
    struct store *store;
    const char *name;
    size_t state = 0;

    buf_puts(&text,
             "database        table                       logging\n"
             "--------        -----                       -------\n");
    if (own) {
        put_database(daemon, own, &text);
    }
    while ((store = databases_next(daemon->databases, &state, &name))) {
        put_database(daemon, store_db(store), &text);
    }
    command_reply(call, buf_cstr(&text));
}

void audit_register_commands(struct command_registry *registry, struct daemon *daemon)
{
    command_register(registry, &(struct command){"ovsdb-server/tlog-set", "DB[:TABLE] on|off", 2, 2,
                                                 on_tlog_set, daemon});
    command_register(registry, &(struct command){"ovsdb-server/tlog-list", "", 0, 0, on_tlog_list,
                                                 daemon, .reads = true});
}

// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool create, compact and convert: verbs that write whole database files.
#include "config.h"
#include "store/store.h"
#include "tools/db_schema.h"
#include "tools/tool.h"
#include "tools/tool_verbs.h"

static struct store *open_store(const char *path, enum store_mode mode, struct gate *gate)
{
    struct store *store;

    tool_check(store_open(path, mode, gate, NULL, &store));
    return store;
}

void tool_create(const struct tool_context *context, int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : context->default_db;
    _cleanup_schema_ struct schema *schema =
        schema_of_file(argc > 1 ? argv[1] : context->default_schema);

    tool_check(store_create(path, schema));
}

static void compact_in_place(const char *path)
{
    struct gate *gate = gate_new(NULL, NULL);
    struct store *store = open_store(path, STORE_READ_WRITE, gate);

    tool_check(store_compact(store, NULL));
    store_close(store);
    gate_free(gate);
}

void tool_compact(const struct tool_context *context, int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : context->default_db;
    struct store *store;

    if (argc < 2) {
        compact_in_place(path);
        return;
    }
    store = open_store(path, STORE_READ_ONLY, NULL);
    tool_check(
        store_write_copy(store_db(store), argv[1], "compacted by ovsdb-tool " OVSDBD_VERSION));
    store_close(store);
}

static struct db *convert(struct store *store, struct schema *schema)
{
    struct db *db;

    tool_check(store_convert(store_db(store), schema, &db));
    return db;
}

void tool_convert(const struct tool_context *context, int argc, char **argv)
{
    static const char comment[] = "converted by ovsdb-tool " OVSDBD_VERSION;
    const char *path = argc > 0 ? argv[0] : context->default_db;
    _cleanup_schema_ struct schema *schema =
        schema_of_file(argc > 1 ? argv[1] : context->default_schema);
    struct gate *gate = NULL;
    struct store *store;
    struct db *db;

    if (argc > 2) {
        store = open_store(path, STORE_READ_ONLY, NULL);
        db = convert(store, schema);
        tool_check(store_write_copy(db, argv[2], comment));
        db_free(db);
    } else {
        gate = gate_new(NULL, NULL);
        store = open_store(path, STORE_READ_WRITE, gate);
        db = convert(store, schema);
        tool_check(store_replace(store, db, comment));
    }
    store_close(store);
    gate_free(gate);
}

// SPDX-License-Identifier: Apache-2.0
// A server has few databases: an array serves.
#include "replication/catalog.h"

#include "json/cursor.h"

#include <stdlib.h>
#include <string.h>

static void entry_done(struct catalog_entry *entry)
{
    free(entry->name);
    buf_done(&entry->schema);
}

void catalog_done(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->n; i++) {
        entry_done(&catalog->entries[i]);
    }
    free(catalog->entries);
    buf_done(&catalog->scratch);
    *catalog = (struct catalog){0};
}

struct catalog_entry *catalog_find(const struct catalog *catalog, struct slice name)
{
    for (size_t i = 0; i < catalog->n; i++) {
        if (slice_is(name, catalog->entries[i].name)) {
            return &catalog->entries[i];
        }
    }
    return NULL;
}

static struct catalog_entry *catalog_add(struct catalog *catalog, struct slice name)
{
    struct catalog_entry *entry;

    GROW(catalog->entries, catalog->n, catalog->capacity);
    entry = &catalog->entries[catalog->n++];
    *entry = (struct catalog_entry){.name = xstrndup(name.data, name.size), .is_connected = true};
    return entry;
}

static struct catalog_entry *find_row(const struct catalog *catalog, struct uuid row)
{
    for (size_t i = 0; i < catalog->n; i++) {
        if (uuid_equals(catalog->entries[i].row, row)) {
            return &catalog->entries[i];
        }
    }
    return NULL;
}

static void catalog_remove(struct catalog *catalog, struct catalog_entry *entry)
{
    entry_done(entry);
    *entry = catalog->entries[--catalog->n];
}

void catalog_set_schema(struct catalog_entry *entry, struct slice schema)
{
    if (!slice_equals(buf_slice(&entry->schema), schema)) {
        buf_clear(&entry->schema);
        buf_put_slice(&entry->schema, schema);
        entry->has_changed_schema = true;
    }
}

// Reads "index" and "cid", which are empty sets unless the database is clustered.
static void read_cluster(struct catalog *catalog, struct catalog_entry *entry, struct slice row)
{
    struct slice index = json_member(row, "index"), cid = json_member(row, "cid"), pair[2], text;
    uint64_t number;

    entry->index = json_read_count(index, &number) && number <= INT64_MAX ? (int64_t)number : 0;
    if (!cid.data || json_cut(cid, pair, 2) != 2 ||
        !json_read_string(pair[1], &catalog->scratch, &text) || !uuid_parse(text, &entry->cid)) {
        entry->cid = UUID_ZERO;
    }
}

// Applies the new contents of a row. "schema" is a string or an empty set.
static bool apply_row(struct catalog *catalog, struct uuid uuid, struct slice row)
{
    struct slice name = json_member(row, "name"), schema = json_member(row, "schema");
    struct slice connected = json_member(row, "connected"), text;
    struct catalog_entry *entry = find_row(catalog, uuid);

    if (!name.data || !schema.data || !connected.data ||
        !json_read_string(name, &catalog->scratch, &text)) {
        return false;
    }
    if (!entry) {
        entry = catalog_add(catalog, text);
        entry->row = uuid;
    }
    if (!json_read_boolean(connected, &entry->is_connected)) {
        return false;
    }
    if (!json_read_string(schema, &catalog->scratch, &text)) {
        text = SLICE_EMPTY;
    }
    catalog_set_schema(entry, text);
    read_cluster(catalog, entry, row);
    return true;
}

static bool apply_row_update(struct catalog *catalog, struct slice uuid_text_, struct slice update)
{
    struct catalog_entry *entry;
    struct slice row;
    struct uuid uuid;

    if (!uuid_parse(uuid_text_, &uuid) || uuid_equals(uuid, UUID_ZERO) ||
        json_kind_of(update) != JSON_KIND_OBJECT) {
        return false;
    }
    row = json_member(update, "new");
    if (row.data) {
        return json_kind_of(row) == JSON_KIND_OBJECT && apply_row(catalog, uuid, row);
    }
    entry = find_row(catalog, uuid);
    if (entry) {
        catalog_remove(catalog, entry);
    }
    return true;
}

bool catalog_apply(struct catalog *catalog, struct slice updates)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;
    struct slice rows;

    if (json_kind_of(updates) != JSON_KIND_OBJECT) {
        return false;
    }
    rows = json_member(updates, "Database");
    if (!rows.data) {
        return true;
    }
    if (json_kind_of(rows) != JSON_KIND_OBJECT) {
        return false;
    }
    cursor_init(&cursor, rows);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice uuid = cursor_name(&cursor, &scratch);

        if (!apply_row_update(catalog, uuid, cursor_skip(&cursor))) {
            return false;
        }
    }
    return true;
}

bool catalog_add_names(struct catalog *catalog, struct slice names)
{
    struct cursor cursor;

    if (json_kind_of(names) != JSON_KIND_ARRAY) {
        return false;
    }
    cursor_init(&cursor, names);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name;

        if (!json_read_string(cursor_skip(&cursor), &catalog->scratch, &name)) {
            return false;
        }
        catalog_add(catalog, name);
    }
    return true;
}

void catalog_settle(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->n; i++) {
        catalog->entries[i].has_changed_schema = false;
    }
}

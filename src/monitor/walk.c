// SPDX-License-Identifier: Apache-2.0
#include "monitor/walk.h"

#include "basic/list.h"

#define TEXTS_MAX ((size_t)64 << 20) // bytes, of one table

struct row_texts {
    struct list node; // walk->texts
    const struct table_schema *table;
    enum monitor_version version;
    const struct column **columns; // shown
    size_t n_columns;
    struct row *const *rows;
    struct buf text;
    struct {
        uint32_t at, size; // size 0: not made
    } parts[];             // parallel to `rows`
};

struct walk {
    unsigned refs;
    struct snapshot *snapshot;
    bool *tables;
    struct list texts; // struct row_texts
};

struct walk *walk_new(struct db *db, bool *tables)
{
    struct walk *walk = NEW(struct walk);

    walk->refs = 1;
    walk->snapshot = snapshot_new(db);
    walk->tables = tables;
    list_init(&walk->texts);
    for (size_t i = 0; i < db_schema(db)->n_tables; i++) {
        if (!tables[i]) {
            snapshot_skip_table(walk->snapshot, i);
        }
    }
    return walk;
}

struct walk *walk_ref(struct walk *walk)
{
    walk->refs++;
    return walk;
}

static void row_texts_free(struct row_texts *texts)
{
    list_remove(&texts->node);
    free(texts->columns);
    buf_done(&texts->text);
    free(texts);
}

void walk_unref(struct walk *walk)
{
    if (!walk || --walk->refs) {
        return;
    }
    while (!list_is_empty(&walk->texts)) {
        row_texts_free(LIST_FIRST(&walk->texts, struct row_texts, node));
    }
    snapshot_free(walk->snapshot);
    free(walk->tables);
    free(walk);
}

bool walk_serves(const struct walk *walk, const bool *tables, uint64_t seq)
{
    for (size_t i = 0; i < snapshot_schema(walk->snapshot)->n_tables; i++) {
        if (tables[i] && !walk->tables[i]) {
            return false;
        }
    }
    return walk_moment(walk)->seq >= seq;
}

struct changeset *walk_moment(const struct walk *walk)
{
    return snapshot_moment(walk->snapshot);
}

bool walk_collect(struct walk *walk, size_t n)
{
    return snapshot_collect(walk->snapshot, n);
}

struct row *const *walk_rows(const struct walk *walk, size_t table, size_t *ret_n)
{
    return snapshot_rows(walk->snapshot, table, ret_n);
}

static bool are_of(const struct row_texts *texts, const struct monitor_spec *spec,
                   const struct monitor_table *table)
{
    size_t n = 0;

    if (texts->table != table->table ||
        (texts->version == MONITOR_V1) != (spec->version == MONITOR_V1)) {
        return false;
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].select & SELECT_INITIAL) {
            if (n == texts->n_columns || texts->columns[n] != table->columns[i].column) {
                return false;
            }
            n++;
        }
    }
    return n == texts->n_columns;
}

static struct row_texts *row_texts_new(struct walk *walk, const struct monitor_spec *spec,
                                       const struct monitor_table *table)
{
    size_t n_rows;
    struct row *const *rows = walk_rows(walk, table->table->index, &n_rows);
    struct row_texts *texts = xcalloc(1, sizeof(*texts) + n_rows * sizeof(texts->parts[0]));

    texts->table = table->table;
    texts->version = spec->version;
    texts->rows = rows;
    texts->columns = NEW_ARRAY(const struct column *, table->n_columns + 1);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].select & SELECT_INITIAL) {
            texts->columns[texts->n_columns++] = table->columns[i].column;
        }
    }
    list_push_back(&walk->texts, &texts->node);
    return texts;
}

struct row_texts *walk_texts(struct walk *walk, const struct monitor_spec *spec,
                             const struct monitor_table *table)
{
    struct row_texts *texts;

    LIST_FOREACH (texts, &walk->texts, node) {
        if (are_of(texts, spec, table)) {
            return texts;
        }
    }
    return row_texts_new(walk, spec, table);
}

struct slice row_texts_get(struct row_texts *texts, size_t i, const struct monitor_table *table)
{
    if (!texts->parts[i].size) {
        size_t at = texts->text.size;

        if (at >= TEXTS_MAX) {
            return SLICE_EMPTY;
        }
        updates_put_initial(&texts->text, texts->version, table, texts->rows[i]);
        texts->parts[i].at = (uint32_t)at;
        texts->parts[i].size = (uint32_t)(texts->text.size - at);
    }
    return (struct slice){texts->text.data + texts->parts[i].at, texts->parts[i].size};
}

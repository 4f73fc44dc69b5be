// SPDX-License-Identifier: Apache-2.0
#include "monitor/row_scan.h"

#include "basic/list.h"

#include <assert.h>

#define TEXTS_MAX ((size_t)64 << 20) // bytes kept for one table

static_assert(TEXTS_MAX < UINT32_MAX / 2, "an offset fits into 32 bits");

struct row_texts {
    struct list node; // scan->texts
    const struct table_schema *table;
    enum monitor_version version;
    const struct column **columns; // those shown
    size_t n_columns;
    struct row *const *rows;
    size_t n_rows;
    struct buf text; // all texts, one after another
    struct {
        uint32_t at, size; // size 0: not written yet
    } parts[];             // parallel to `rows`
};

struct row_scan {
    unsigned refs;
    struct snapshot *snapshot;
    bool *tables;      // by table index: whether its rows are collected
    struct list texts; // struct row_texts
};

struct row_scan *row_scan_new(struct db *db, bool *tables)
{
    struct row_scan *scan = NEW(struct row_scan);

    scan->refs = 1;
    scan->snapshot = snapshot_new(db);
    scan->tables = tables;
    list_init(&scan->texts);
    for (size_t i = 0; i < db_schema(db)->n_tables; i++) {
        if (!tables[i]) {
            snapshot_skip_table(scan->snapshot, i);
        }
    }
    return scan;
}

struct row_scan *row_scan_ref(struct row_scan *scan)
{
    assert(scan->refs);
    scan->refs++;
    return scan;
}

static void row_texts_free(struct row_texts *texts)
{
    list_remove(&texts->node);
    free(texts->columns);
    buf_done(&texts->text);
    free(texts);
}

void row_scan_unref(struct row_scan *scan)
{
    if (!scan) {
        return;
    }
    assert(scan->refs);
    if (--scan->refs) {
        return;
    }
    while (!list_is_empty(&scan->texts)) {
        row_texts_free(LIST_FIRST(&scan->texts, struct row_texts, node));
    }
    snapshot_free(scan->snapshot);
    free(scan->tables);
    free(scan);
}

bool row_scan_serves(const struct row_scan *scan, const bool *tables, uint64_t seq)
{
    for (size_t i = 0; i < snapshot_schema(scan->snapshot)->n_tables; i++) {
        if (tables[i] && !scan->tables[i]) {
            return false;
        }
    }
    return row_scan_moment(scan)->seq >= seq;
}

struct changeset *row_scan_moment(const struct row_scan *scan)
{
    return snapshot_moment(scan->snapshot);
}

bool row_scan_collect(struct row_scan *scan, size_t n)
{
    return snapshot_collect(scan->snapshot, n);
}

struct row *const *row_scan_rows(const struct row_scan *scan, size_t table, size_t *ret_n)
{
    assert(scan->tables[table]);
    return snapshot_rows(scan->snapshot, table, ret_n);
}

static bool row_texts_are_for(const struct row_texts *texts, const struct monitor_spec *spec,
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

static struct row_texts *row_texts_new(struct row_scan *scan, const struct monitor_spec *spec,
                                       const struct monitor_table *table)
{
    size_t n_rows;
    struct row *const *rows = row_scan_rows(scan, table->table->index, &n_rows);
    struct row_texts *texts = xcalloc(1, sizeof(*texts) + n_rows * sizeof(texts->parts[0]));

    texts->table = table->table;
    texts->version = spec->version;
    texts->rows = rows;
    texts->n_rows = n_rows;
    texts->columns = NEW_ARRAY(const struct column *, table->n_columns + 1);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].select & SELECT_INITIAL) {
            texts->columns[texts->n_columns++] = table->columns[i].column;
        }
    }
    list_push_back(&scan->texts, &texts->node);
    return texts;
}

struct row_texts *row_scan_texts(struct row_scan *scan, const struct monitor_spec *spec,
                                 const struct monitor_table *table)
{
    struct row_texts *texts;

    LIST_FOREACH (texts, &scan->texts, node) {
        if (row_texts_are_for(texts, spec, table)) {
            return texts;
        }
    }
    return row_texts_new(scan, spec, table);
}

struct slice row_texts_get(struct row_texts *texts, size_t i, const struct monitor_table *table)
{
    assert(i < texts->n_rows && table->table == texts->table);
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

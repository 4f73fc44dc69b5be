// SPDX-License-Identifier: Apache-2.0
// Converts row versions to JSON. A change is classified by what the monitor selects before any of
// it is written, so that the text is never truncated again.
#include "monitor/updates.h"

#include "basic/counter.h"

#include <assert.h>

COUNTER(monitor_updates, "Monitor updates written, each for all clients that get the same update");

void updates_begin(struct updates *updates, const struct monitor_spec *spec, struct buf *buf)
{
    assert(!buf->size);
    *updates = (struct updates){.spec = spec, .buf = buf};
}

static bool column_changed(const struct monitor_column *column, const struct row *old,
                           const struct row *new)
{
    return !datum_equals(row_get(old, column->column), row_get(new, column->column),
                         &column->column->type);
}

// Changes of columns whose request does not select "modify" do not count (RFC 7047 4.1.5), even if
// another request of the table selects it: otherwise the update would be empty.
static bool is_modified(const struct monitor_table *table, const struct row *old,
                        const struct row *new)
{
    if (old == new) {
        return false;
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].select & SELECT_MODIFY &&
            column_changed(&table->columns[i], old, new)) {
            return true;
        }
    }
    return false;
}

// The kind of change that the monitor is sent, a bit of enum monitor_select; 0: none.
static uint8_t classify_change(const struct monitor_table *table, const struct row *old,
                               const struct row *new, bool is_initial)
{
    uint8_t kind;

    if (!old && !new) {
        return 0;
    }
    kind = old ? new ? SELECT_MODIFY : SELECT_DELETE : is_initial ? SELECT_INITIAL : SELECT_INSERT;
    if (!(table->select & kind) || (kind == SELECT_MODIFY && !is_modified(table, old, new))) {
        return 0;
    }
    return kind;
}

static void put_label(struct buf *buf, const struct monitor_column *column)
{
    assert(buf->size);
    if (buf->data[buf->size - 1] != '{') {
        buf_putc(buf, ',');
    }
    buf_put(buf, column->label, column->label_size);
}

// Writes the columns of `row` that `kind` shows; with `other`, only those whose values differ.
static void put_row(struct buf *buf, const struct monitor_table *table, uint8_t kind,
                    const struct row *row, const struct row *other)
{
    buf_putc(buf, '{');
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct monitor_column *column = &table->columns[i];

        if (column->select & kind && (!other || column_changed(column, row, other))) {
            put_label(buf, column);
            datum_put(buf, row_get(row, column->column), &column->column->type);
        }
    }
    buf_putc(buf, '}');
}

// {"new":ROW,"old":ROW}: "old" has only the changed columns of a modified row.
static void put_update(struct buf *buf, const struct monitor_table *table, uint8_t kind,
                       const struct row *old, const struct row *new)
{
    if (new) {
        buf_puts(buf, "{\"new\":");
        put_row(buf, table, kind, new, NULL);
    }
    if (old) {
        buf_puts(buf, new ? ",\"old\":" : "{\"old\":");
        put_row(buf, table, kind, old, new);
    }
    buf_putc(buf, '}');
}

// Writes the changed columns as differences (datum_diff()).
static void put_diff(struct buf *buf, const struct monitor_table *table, const struct row *old,
                     const struct row *new)
{
    buf_putc(buf, '{');
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct monitor_column *column = &table->columns[i];
        const struct type *type = &column->column->type;

        if (column->select & SELECT_MODIFY && column_changed(column, old, new)) {
            union datum diff =
                datum_diff(row_get(old, column->column), row_get(new, column->column), type);

            put_label(buf, column);
            datum_put(buf, diff, type);
            datum_done(diff, type);
        }
    }
    buf_putc(buf, '}');
}

// Writes the columns whose values are not the default.
static void put_sparse_row(struct buf *buf, const struct monitor_table *table, uint8_t kind,
                           const struct row *row)
{
    buf_putc(buf, '{');
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct monitor_column *column = &table->columns[i];
        union datum datum = row_get(row, column->column);

        if (column->select & kind && !datum_is_default(datum, &column->column->type)) {
            put_label(buf, column);
            datum_put(buf, datum, &column->column->type);
        }
    }
    buf_putc(buf, '}');
}

static void put_update2(struct buf *buf, const struct monitor_table *table, uint8_t kind,
                        const struct row *old, const struct row *new)
{
    switch (kind) {
    case SELECT_INITIAL:
        buf_puts(buf, "{\"initial\":");
        put_sparse_row(buf, table, kind, new);
        break;
    case SELECT_INSERT:
        buf_puts(buf, "{\"insert\":");
        put_sparse_row(buf, table, kind, new);
        break;
    case SELECT_MODIFY:
        buf_puts(buf, "{\"modify\":");
        put_diff(buf, table, old, new);
        break;
    default:
        assert(kind == SELECT_DELETE);
        buf_puts(buf, "{\"delete\":null");
        break;
    }
    buf_putc(buf, '}');
}

// Opens the object of `table` unless it is open, and writes the separator before the next row.
static void open_table(struct updates *updates, const struct monitor_table *table)
{
    struct buf *buf = updates->buf;

    if (updates->open == table) {
        buf_putc(buf, ',');
        return;
    }
    buf_puts(buf, updates->open ? "},\"" : "{\"");
    buf_puts(buf, table->table->name);
    buf_puts(buf, "\":{");
    updates->open = table;
}

// "UUID":<row-update>
static void put_change(struct buf *buf, enum monitor_version version,
                       const struct monitor_table *table, uint8_t kind, const struct row *old,
                       const struct row *new)
{
    assert(old || new);
    buf_putc(buf, '"');
    uuid_format((new ? new : old)->uuid, buf_reserve(buf, UUID_LEN));
    buf->size += UUID_LEN;
    buf_puts(buf, "\":");
    if (version == MONITOR_V1) {
        put_update(buf, table, kind, old, new);
    } else {
        put_update2(buf, table, kind, old, new);
    }
}

static void end_row(struct updates *updates)
{
    updates->chunks.n_rows++;
    if (updates->buf->size >= CHUNK_SIZE) {
        chunks_take(&updates->chunks, updates->buf);
    }
}

void updates_row(struct updates *updates, const struct monitor_table *table, const struct row *old,
                 const struct row *new, bool is_initial)
{
    uint8_t kind = classify_change(table, old, new, is_initial);

    if (kind) {
        open_table(updates, table);
        put_change(updates->buf, updates->spec->version, table, kind, old, new);
        end_row(updates);
    }
}

void updates_put_initial(struct buf *buf, enum monitor_version version,
                         const struct monitor_table *table, const struct row *row)
{
    put_change(buf, version, table, SELECT_INITIAL, NULL, row);
}

void updates_initial(struct updates *updates, const struct monitor_table *table, struct slice text)
{
    assert(table->select & SELECT_INITIAL);
    open_table(updates, table);
    buf_put_slice(updates->buf, text);
    end_row(updates);
}

void updates_change(struct updates *updates, const struct monitor_table *table,
                    const struct row *old, const struct row *new)
{
    updates_row(updates, table, monitor_table_shows(table, old) ? old : NULL,
                monitor_table_shows(table, new) ? new : NULL, false);
}

bool updates_end(struct updates *updates, struct chunks *ret)
{
    bool any = updates->open != NULL;

    COUNT_N(monitor_updates, any);
    buf_puts(updates->buf, any ? "}}" : "{}");
    chunks_take(&updates->chunks, updates->buf);
    *ret = updates->chunks;
    updates->chunks = (struct chunks){0};
    if (updates->buf->capacity > 4 * CHUNK_SIZE) {
        buf_done(updates->buf);
    }
    assert(!updates->buf->size);
    return any;
}

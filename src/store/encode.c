// SPDX-License-Identifier: Apache-2.0
// Writes changes and snapshots as JSON from the rows into the buffer of the record. "_date" is the
// first member and has a fixed width, so that it can be replaced.
#include "store/encode.h"

#include "json/emit.h"

#include <assert.h>
#include <stdio.h>

#define DATE_PREFIX "{\"_date\":"
#define DATE_DIGITS 13 // until the year 2286

static void put_date(char *p, uint64_t date_ms)
{
    for (int i = DATE_DIGITS; i-- > 0; date_ms /= 10) {
        p[i] = (char)('0' + date_ms % 10);
    }
}

void encode_set_date(struct buf *buf, uint64_t date_ms)
{
    assert(buf->size >= RECORD_HEADER_MAX + strlen(DATE_PREFIX) + DATE_DIGITS);
    put_date(buf->data + RECORD_HEADER_MAX + strlen(DATE_PREFIX), date_ms);
}

static void put_preamble(struct buf *buf, uint64_t date_ms, bool is_diff, const char *comment)
{
    buf_puts(buf, DATE_PREFIX);
    put_date(buf_reserve(buf, DATE_DIGITS), date_ms);
    buf->size += DATE_DIGITS;
    if (is_diff) {
        buf_puts(buf, ",\"_is_diff\":true");
    }
    if (comment) {
        buf_puts(buf, ",\"_comment\":");
        emit_string(buf, slice_of(comment));
    }
}

// Names of tables and columns need no escapes (id_is_valid()).
static void put_name(struct buf *buf, const char *name)
{
    buf_putc(buf, '"');
    buf_puts(buf, name);
    buf_put(buf, "\":", 2);
}

static void put_uuid(struct buf *buf, struct uuid uuid)
{
    char *p = buf_reserve(buf, UUID_LEN + 3);

    p[0] = '"';
    uuid_format(uuid, p + 1);
    p[UUID_LEN + 1] = '"';
    p[UUID_LEN + 2] = ':';
    buf->size += UUID_LEN + 3;
}

// The first column after _uuid and _version. Of the following ones the persistent ones are stored.
static const struct column *stored_columns(const struct table_schema *table)
{
    return table->columns + COLUMN_VERSION + 1;
}

static void put_column(struct buf *buf, const struct column *column, union datum value, bool *first)
{
    buf_putc(buf, *first ? '{' : ',');
    *first = false;
    put_name(buf, column->name);
    datum_put(buf, value, &column->type);
}

static void put_new_row(struct buf *buf, const struct row *row)
{
    const struct table_schema *table = row->table;
    bool first = true;

    for (const struct column *c = stored_columns(table); c < table->columns + table->n_columns;
         c++) {
        if (c->is_persistent) {
            union datum value = row_get(row, c);

            if (!datum_is_default(value, &c->type)) {
                put_column(buf, c, value, &first);
            }
        }
    }
    buf_puts(buf, first ? "{}" : "}");
}

// Returns false, and writes nothing, if no stored column differs.
static bool put_modified_row(struct buf *buf, const struct row *old, const struct row *new,
                             bool as_diff)
{
    const struct table_schema *table = new->table;
    size_t start = buf->size;
    bool first = true;

    put_uuid(buf, new->uuid);
    for (const struct column *c = stored_columns(table); c < table->columns + table->n_columns;
         c++) {
        union datum a, b;

        if (!c->is_persistent) {
            continue;
        }
        a = row_get(old, c);
        b = row_get(new, c);
        if (datum_equals(a, b, &c->type)) {
            continue;
        }
        if (as_diff) {
            union datum diff = datum_diff(a, b, &c->type);

            put_column(buf, c, diff, &first);
            datum_done(diff, &c->type);
        } else {
            put_column(buf, c, b, &first);
        }
    }
    if (first) {
        buf->size = start;
        return false;
    }
    buf_putc(buf, '}');
    return true;
}

static bool put_row_change(struct buf *buf, const struct row_change *change, bool as_diff)
{
    assert(change->old || change->new);
    if (change->old && change->new) {
        return put_modified_row(buf, change->old, change->new, as_diff);
    }
    if (change->new) {
        put_uuid(buf, change->new->uuid);
        put_new_row(buf, change->new);
    } else {
        put_uuid(buf, change->old->uuid);
        buf_puts(buf, "null");
    }
    return true;
}

static bool put_table_changes(struct buf *buf, const struct table_changes *changes, bool as_diff)
{
    size_t start = buf->size, rows_start;

    buf_putc(buf, ',');
    put_name(buf, changes->table->name);
    buf_putc(buf, '{');
    rows_start = buf->size;
    for (size_t i = 0; i < changes->n_rows; i++) {
        if (put_row_change(buf, &changes->rows[i], as_diff)) {
            buf_putc(buf, ',');
        }
    }
    if (buf->size == rows_start) {
        buf->size = start;
        return false;
    }
    buf->data[buf->size - 1] = '}';
    return true;
}

bool encode_changes(struct buf *buf, const struct changeset *changes, bool as_diff,
                    uint64_t date_ms)
{
    bool any = false;

    put_preamble(buf, date_ms, as_diff, changes->comment);
    for (size_t i = 0; i < changes->n_tables; i++) {
        any |= put_table_changes(buf, &changes->tables[i], as_diff);
    }
    buf_putc(buf, '}');
    return any;
}

// A row and the first half of its UUID, which almost always decides its place in the order.
struct sorted_row {
    uint64_t hi;
    const struct row *row;
};

static int compare_rows(const void *a_, const void *b_)
{
    const struct sorted_row *a = a_, *b = b_;

    if (a->hi != b->hi) {
        return a->hi < b->hi ? -1 : 1;
    }
    return uuid_compare(a->row->uuid, b->row->uuid);
}

static struct sorted_row *sorted_rows(const struct snapshot *snapshot, size_t table, size_t *ret_n)
{
    struct row *const *rows = snapshot_rows(snapshot, table, ret_n);
    struct sorted_row *sorted = xmalloc((*ret_n + 1) * sizeof(*sorted));

    for (size_t i = 0; i < *ret_n; i++) {
        sorted[i] = (struct sorted_row){rows[i]->uuid.hi, rows[i]};
    }
    qsort(sorted, *ret_n, sizeof(*sorted), compare_rows);
    return sorted;
}

#define LONG_BUF ((size_t)1 << 20)

int encode_rows(struct buf *buf, const struct snapshot *snapshot, const char *comment,
                uint64_t date_ms, const struct encode_sink *sink)
{
    const struct schema *schema = snapshot_schema(snapshot);
    size_t total = snapshot_n_rows(snapshot), done = 0;

    put_preamble(buf, date_ms, false, comment);
    for (size_t i = 0; i < schema->n_tables; i++) {
        size_t n;
        _cleanup_free_ struct sorted_row *rows = sorted_rows(snapshot, i, &n);

        if (!n) {
            continue;
        }
        buf_putc(buf, ',');
        put_name(buf, schema->tables[i].name);
        for (size_t j = 0; j < n; j++, done++) {
            buf_putc(buf, j ? ',' : '{');
            put_uuid(buf, rows[j].row->uuid);
            put_new_row(buf, rows[j].row);
            if (UNLIKELY(buf->size >= LONG_BUF) && sink) {
                int r = sink->flush(sink->userdata, done, total);

                if (r) {
                    return r;
                }
            }
        }
        buf_putc(buf, '}');
    }
    buf_putc(buf, '}');
    return 0;
}

void encode_snapshot(struct buf *buf, struct db *db, const char *comment, uint64_t date_ms)
{
    struct snapshot *snapshot = snapshot_new(db);

    snapshot_collect(snapshot, SIZE_MAX);
    encode_rows(buf, snapshot, comment, date_ms, NULL);
    snapshot_free(snapshot);
}

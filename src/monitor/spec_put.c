// SPDX-License-Identifier: Apache-2.0
// Writes a spec as requests that parse to an equivalent spec. A table gets one request for each
// selection that its columns have. The first request has the condition; the others have a condition
// that no row matches, because the conditions are joined by "or".
#include "monitor/spec.h"

#include "json/emit.h"

static void put_select(struct buf *buf, uint8_t select)
{
    buf_puts(buf, "\"select\":{");
    for (size_t i = 0; i < N_MONITOR_SELECTIONS; i++) {
        buf_printf(buf, "%s\"%s\":", i ? "," : "", monitor_selections[i].name);
        emit_boolean(buf, select & monitor_selections[i].bit);
    }
    buf_putc(buf, '}');
}

// Writes the columns that have the selection `select`.
static void put_columns(struct buf *buf, const struct monitor_table *table, uint8_t select)
{
    size_t n = 0;

    buf_puts(buf, "\"columns\":[");
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].select == select) {
            buf_printf(buf, "%s\"%s\"", n++ ? "," : "", table->columns[i].column->name);
        }
    }
    buf_putc(buf, ']');
}

// `where`: the condition, or NULL for none.
static void put_request(struct buf *buf, const struct monitor_table *table, uint8_t select,
                        const char *where)
{
    buf_putc(buf, '{');
    put_columns(buf, table, select);
    buf_putc(buf, ',');
    put_select(buf, select);
    if (where) {
        buf_printf(buf, ",\"where\":%s", where);
    }
    buf_putc(buf, '}');
}

static bool has_columns(const struct monitor_table *table, uint8_t select)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].select == select) {
            return true;
        }
    }
    return false;
}

// The first request has the selection of the whole table, even if no column has it.
static void put_table(struct buf *buf, const struct monitor_table *table, bool is_conditional)
{
    buf_printf(buf, "\"%s\":[", table->table->name);
    put_request(buf, table, table->select, is_conditional ? table->where->data : NULL);
    for (uint8_t select = 0; select <= SELECT_ALL; select++) {
        if (select != table->select && has_columns(table, select)) {
            buf_putc(buf, ',');
            put_request(buf, table, select, is_conditional ? "[false]" : NULL);
        }
    }
    buf_putc(buf, ']');
}

void monitor_spec_put(struct buf *buf, const struct monitor_spec *spec)
{
    buf_putc(buf, '{');
    for (size_t i = 0; i < spec->n_tables; i++) {
        if (i) {
            buf_putc(buf, ',');
        }
        put_table(buf, &spec->tables[i],
                  spec->version != MONITOR_V1 || spec->tables[i].where->size > strlen("[]"));
    }
    buf_putc(buf, '}');
}

// SPDX-License-Identifier: Apache-2.0
// All formats but JSON first convert each cell to text (struct rendering) and then arrange the
// texts. The JSON format writes the values directly from the cells.
#include "tools/table_formatter.h"

#include "basic/utf8.h"
#include "tools/pretty.h"
#include "json/emit.h"

#include <assert.h>
#include <time.h>

enum cell_kind { CELL_EMPTY, CELL_TEXT, CELL_JSON, CELL_DATUM };

struct table_cell {
    enum cell_kind kind;
    struct text *text; // TEXT, JSON
    union datum datum; // DATUM
    const struct type *type;
};

// The cells' texts, one after another; cell i ends where cell i + 1 starts.
struct rendering {
    struct buf texts;
    size_t *starts; // n_cells + 1
};

void table_formatter_done(struct table_formatter *table)
{
    for (size_t i = 0; i < table->n_cells; i++) {
        struct table_cell *cell = &table->cells[i];

        if (cell->kind == CELL_DATUM) {
            datum_done(cell->datum, cell->type);
        }
        text_unref(cell->text);
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        free(table->headings[i]);
    }
    free(table->headings);
    free(table->cells);
    free(table->caption);
    *table = (struct table_formatter){0};
}

void table_formatter_set_caption(struct table_formatter *table, const char *caption)
{
    free(table->caption);
    table->caption = xstrdup(caption);
}

void table_formatter_add_column(struct table_formatter *table, const char *heading)
{
    assert(!table->n_cells);
    GROW(table->headings, table->n_columns, table->columns_capacity);
    table->headings[table->n_columns++] = xstrdup(heading);
}

static struct table_cell *add_cell(struct table_formatter *table, enum cell_kind kind)
{
    struct table_cell *cell;

    assert(table->n_columns);
    GROW(table->cells, table->n_cells, table->cells_capacity);
    cell = &table->cells[table->n_cells++];
    *cell = (struct table_cell){.kind = kind};
    return cell;
}

void table_formatter_add_empty(struct table_formatter *table)
{
    add_cell(table, CELL_EMPTY);
}

void table_formatter_add_text(struct table_formatter *table, struct slice text)
{
    add_cell(table, CELL_TEXT)->text = text_new(text);
}

void table_formatter_add_json(struct table_formatter *table, struct slice json)
{
    add_cell(table, CELL_JSON)->text = text_new(json);
}

void table_formatter_add_datum(struct table_formatter *table, union datum datum,
                               const struct type *type)
{
    struct table_cell *cell = add_cell(table, CELL_DATUM);

    cell->datum = datum;
    cell->type = type;
}

size_t table_formatter_n_rows(const struct table_formatter *table)
{
    return table->n_columns ? table->n_cells / table->n_columns : 0;
}

static void put_cell(struct buf *buf, const struct table_cell *cell, enum table_data data)
{
    switch (cell->kind) {
    case CELL_EMPTY:
        break;
    case CELL_TEXT:
    case CELL_JSON:
        buf_put_slice(buf, text_slice(cell->text));
        break;
    case CELL_DATUM:
        if (data == TABLE_DATA_JSON) {
            datum_put(buf, cell->datum, cell->type);
        } else if (data == TABLE_DATA_BARE) {
            datum_put_bare(buf, cell->datum, cell->type);
        } else {
            datum_put_text(buf, cell->datum, cell->type);
        }
        break;
    }
}

static void rendering_done(struct rendering *rendering)
{
    buf_done(&rendering->texts);
    free(rendering->starts);
}

static void render_cells(struct rendering *rendering, const struct table_formatter *table,
                         enum table_data data)
{
    *rendering = (struct rendering){.starts = NEW_ARRAY(size_t, table->n_cells + 1)};
    for (size_t i = 0; i < table->n_cells; i++) {
        put_cell(&rendering->texts, &table->cells[i], data);
        rendering->starts[i + 1] = rendering->texts.size;
    }
}

static struct slice cell_text(const struct rendering *rendering, size_t i)
{
    size_t start = rendering->starts[i];

    return (struct slice){rendering->texts.data + start, rendering->starts[i + 1] - start};
}

static void put_time(struct buf *buf, usec_t timestamp, char separator, const char *suffix)
{
    time_t seconds = timestamp / USEC_PER_SEC;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    buf_printf(buf, "%04d-%02d-%02d%c%02d:%02d:%02d.%03u%s", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, separator, tm.tm_hour, tm.tm_min, tm.tm_sec,
               (unsigned)(timestamp / USEC_PER_MSEC % 1000), suffix);
}

// Appends the lines above a table in the formats table, list and csv.
static void put_preamble(struct buf *buf, const struct table_formatter *table, bool is_first)
{
    if (!is_first) {
        buf_putc(buf, '\n');
    }
    if (table->timestamp) {
        put_time(buf, table->timestamp, ' ', "\n");
    }
    if (table->caption) {
        buf_printf(buf, "%s\n", table->caption);
    }
}

// ---- table ----

static void put_spaces(struct buf *buf, size_t n)
{
    memset(buf_reserve(buf, n), ' ', n);
    buf->size += n;
}

static size_t *column_widths(const struct table_formatter *table, const struct rendering *rendering,
                             const struct table_style *style)
{
    size_t *widths = NEW_ARRAY(size_t, table->n_columns + 1);

    for (size_t i = 0; i < table->n_cells; i++) {
        size_t *width = &widths[i % table->n_columns];

        *width = MAX(*width, cell_text(rendering, i).size);
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        if (style->max_column_width) {
            widths[i] = MIN(widths[i], style->max_column_width);
        }
        if (!style->no_headings) {
            widths[i] = MAX(widths[i], strlen(table->headings[i]));
        }
    }
    return widths;
}

static void put_line_end(struct buf *buf, size_t line_start)
{
    while (buf->size > line_start && buf->data[buf->size - 1] == ' ') {
        buf->size--;
    }
    buf_putc(buf, '\n');
}

static void put_table_headings(struct buf *buf, const struct table_formatter *table,
                               const size_t *widths)
{
    size_t start = buf->size;

    for (size_t i = 0; i < table->n_columns; i++) {
        size_t size = strlen(table->headings[i]);

        buf_puts(buf, table->headings[i]);
        put_spaces(buf, widths[i] - size + 1);
    }
    put_line_end(buf, start);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (i) {
            buf_putc(buf, ' ');
        }
        memset(buf_reserve(buf, widths[i]), '-', widths[i]);
        buf->size += widths[i];
    }
    buf_putc(buf, '\n');
}

static void put_table(struct buf *buf, const struct table_formatter *table,
                      const struct rendering *rendering, const struct table_style *style)
{
    _cleanup_free_ size_t *widths = column_widths(table, rendering, style);

    if (!style->no_headings) {
        put_table_headings(buf, table, widths);
    }
    for (size_t i = 0; i < table->n_cells; i += table->n_columns) {
        size_t start = buf->size;

        for (size_t j = 0; j < table->n_columns; j++) {
            struct slice text = cell_text(rendering, i + j);
            size_t size = utf8_cut(text, widths[j]);

            buf_put(buf, text.data, size);
            put_spaces(buf, widths[j] - size + 1);
        }
        put_line_end(buf, start);
    }
}

// ---- list ----

static void put_list(struct buf *buf, const struct table_formatter *table,
                     const struct rendering *rendering, const struct table_style *style)
{
    for (size_t i = 0; i < table->n_cells; i++) {
        if (i && i % table->n_columns == 0) {
            buf_putc(buf, '\n');
        }
        if (!style->no_headings) {
            buf_printf(buf, "%-20s: ", table->headings[i % table->n_columns]);
        }
        buf_put_slice(buf, cell_text(rendering, i));
        buf_putc(buf, '\n');
    }
}

// ---- csv: RFC 4180, but with LF ----

static void put_csv_field(struct buf *buf, struct slice text)
{
    bool quote = false;

    for (size_t i = 0; i < text.size; i++) {
        quote = quote || memchr("\",\r\n", text.data[i], 4);
    }
    if (!quote) {
        buf_put_slice(buf, text);
        return;
    }
    buf_putc(buf, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') {
            buf_putc(buf, '"');
        }
        buf_putc(buf, text.data[i]);
    }
    buf_putc(buf, '"');
}

static void put_csv(struct buf *buf, const struct table_formatter *table,
                    const struct rendering *rendering, const struct table_style *style)
{
    if (!style->no_headings) {
        for (size_t i = 0; i < table->n_columns; i++) {
            put_csv_field(buf, slice_of(table->headings[i]));
            buf_putc(buf, i + 1 < table->n_columns ? ',' : '\n');
        }
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        put_csv_field(buf, cell_text(rendering, i));
        buf_putc(buf, (i + 1) % table->n_columns ? ',' : '\n');
    }
}

// ---- html ----

static void put_html_text(struct buf *buf, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&':
            buf_puts(buf, "&amp;");
            break;
        case '<':
            buf_puts(buf, "&lt;");
            break;
        case '>':
            buf_puts(buf, "&gt;");
            break;
        case '"':
            buf_puts(buf, "&quot;");
            break;
        default:
            buf_putc(buf, text.data[i]);
            break;
        }
    }
}

#define SHORT_UUID 8 // digits of a UUID that are shown; the link has the whole UUID

// Appends text in which every UUID is a link to the row with this UUID.
static void put_html_links(struct buf *buf, struct slice text)
{
    struct uuid uuid;

    while (text.size >= UUID_LEN) {
        size_t step = 1;

        if (uuid_parse((struct slice){text.data, UUID_LEN}, &uuid)) {
            step = UUID_LEN;
            buf_printf(buf, "<a href=\"#%.*s\">%.*s</a>", UUID_LEN, text.data, SHORT_UUID,
                       text.data);
        } else {
            put_html_text(buf, (struct slice){text.data, step});
        }
        text = (struct slice){text.data + step, text.size - step};
    }
    put_html_text(buf, text);
}

static void put_html_cell(struct buf *buf, const char *heading, struct slice text)
{
    buf_puts(buf, "    <td>");
    if (!strcmp(heading, "_uuid")) {
        buf_puts(buf, "<a name=\"");
        put_html_text(buf, text);
        buf_puts(buf, "\">");
        put_html_text(buf, (struct slice){text.data, utf8_cut(text, SHORT_UUID)});
        buf_puts(buf, "</a>");
    } else {
        put_html_links(buf, text);
    }
    buf_puts(buf, "</td>\n");
}

static void put_html(struct buf *buf, const struct table_formatter *table,
                     const struct rendering *rendering, const struct table_style *style)
{
    if (table->timestamp) {
        put_time(buf, table->timestamp, ' ', "\n");
    }
    buf_puts(buf, "<table border=1>\n");
    if (table->caption) {
        buf_puts(buf, "    <caption>");
        put_html_text(buf, slice_of(table->caption));
        buf_puts(buf, "</caption>\n");
    }
    if (!style->no_headings) {
        buf_puts(buf, "  <tr>\n");
        for (size_t i = 0; i < table->n_columns; i++) {
            buf_puts(buf, "    <th>");
            put_html_text(buf, slice_of(table->headings[i]));
            buf_puts(buf, "</th>\n");
        }
        buf_puts(buf, "  </tr>\n");
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t column = i % table->n_columns;

        if (column == 0) {
            buf_puts(buf, "  <tr>\n");
        }
        put_html_cell(buf, table->headings[column], cell_text(rendering, i));
        if (column + 1 == table->n_columns) {
            buf_puts(buf, "  </tr>\n");
        }
    }
    buf_puts(buf, "</table>\n");
}

// ---- json ----

static void put_json_cell(struct buf *buf, const struct table_cell *cell)
{
    switch (cell->kind) {
    case CELL_EMPTY:
        buf_puts(buf, "null");
        break;
    case CELL_TEXT:
        emit_string(buf, text_slice(cell->text));
        break;
    case CELL_JSON:
        buf_put_slice(buf, text_slice(cell->text));
        break;
    case CELL_DATUM:
        datum_put(buf, cell->datum, cell->type);
        break;
    }
}

static void put_json(struct buf *buf, const struct table_formatter *table,
                     const struct table_style *style)
{
    _cleanup_buf_ struct buf json = {0};

    buf_putc(&json, '{');
    if (table->caption) {
        buf_puts(&json, "\"caption\":");
        emit_string(&json, slice_of(table->caption));
        buf_putc(&json, ',');
    }
    buf_puts(&json, "\"data\":[");
    for (size_t i = 0; i < table->n_cells; i++) {
        bool begins_row = i % table->n_columns == 0;

        buf_puts(&json, !begins_row ? "," : i ? ",[" : "[");
        put_json_cell(&json, &table->cells[i]);
        if ((i + 1) % table->n_columns == 0) {
            buf_putc(&json, ']');
        }
    }
    buf_puts(&json, "],\"headings\":[");
    for (size_t i = 0; i < table->n_columns; i++) {
        emit_next(&json);
        emit_string(&json, slice_of(table->headings[i]));
    }
    buf_putc(&json, ']');
    if (table->timestamp) {
        buf_puts(&json, ",\"time\":\"");
        put_time(&json, table->timestamp, 'T', "Z\"");
    }
    buf_putc(&json, '}');
    pretty_put(buf, buf_slice(&json), style->pretty);
    buf_putc(buf, '\n');
}

void table_formatter_put(struct buf *buf, const struct table_formatter *table,
                         const struct table_style *style, bool is_first)
{
    _cleanup_(rendering_done) struct rendering rendering = {0};

    assert(!table->n_cells || table->n_cells % table->n_columns == 0);
    if (style->format == TABLE_FORMAT_JSON) {
        put_json(buf, table, style);
        return;
    }
    render_cells(&rendering, table, style->data);
    if (style->format == TABLE_FORMAT_HTML) {
        put_html(buf, table, &rendering, style);
        return;
    }
    put_preamble(buf, table, is_first);
    if (style->format == TABLE_FORMAT_TABLE) {
        put_table(buf, table, &rendering, style);
    } else if (style->format == TABLE_FORMAT_LIST) {
        put_list(buf, table, &rendering, style);
    } else {
        put_csv(buf, table, &rendering, style);
    }
}

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], name)) {
            return (int)i;
        }
    }
    return -1;
}

bool table_format_parse(const char *name, enum table_format *ret)
{
    static const char *const names[] = {"table", "list", "html", "csv", "json"};
    int i = find_name(names, ARRAY_SIZE(names), name);

    if (i >= 0) {
        *ret = (enum table_format)i;
    }
    return i >= 0;
}

bool table_data_parse(const char *name, enum table_data *ret)
{
    static const char *const names[] = {"string", "bare", "json"};
    int i = find_name(names, ARRAY_SIZE(names), name);

    if (i >= 0) {
        *ret = (enum table_data)i;
    }
    return i >= 0;
}

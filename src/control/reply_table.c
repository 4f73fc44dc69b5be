// SPDX-License-Identifier: Apache-2.0
#include "control/reply_table.h"

#include "basic/utf8.h"

#include <assert.h>
#include <string.h>

// A record and its position before sorting. The position makes the sort stable.
struct sort_item {
    json_t *record;
    const json_t *key; // NULL: missing
    size_t position;
};

static int compare_reals(double a, double b)
{
    return (a < b) - (a > b);
}

static int compare_lists(const json_t *a, const json_t *b)
{
    size_t n = MIN(json_array_size(a), json_array_size(b));
    int order = 0;

    for (size_t i = 0; i < n && !order; i++) {
        order = strcmp(json_string_value(json_array_get(a, i)),
                       json_string_value(json_array_get(b, i)));
    }
    return order ? order : (json_array_size(a) > n) - (json_array_size(b) > n);
}

static int compare_keys(const json_t *a, const json_t *b)
{
    if (!a || !b) {
        return !a - !b;
    }
    if (json_is_string(a)) {
        return strcmp(json_string_value(a), json_string_value(b));
    }
    if (json_is_array(a)) {
        return compare_lists(a, b);
    }
    if (json_is_boolean(a)) {
        return json_is_true(b) - json_is_true(a);
    }
    if (json_is_integer(a)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);

        return (x < y) - (x > y);
    }
    return compare_reals(json_real_value(a), json_real_value(b));
}

static int compare_items(const void *a_, const void *b_)
{
    const struct sort_item *a = a_, *b = b_;
    int order = compare_keys(a->key, b->key);

    return order ? order : (a->position > b->position) - (a->position < b->position);
}

static bool can_sort_by(const struct command_field *fields, const char *name)
{
    for (const struct command_field *field = fields; field->name; field++) {
        if (!strcmp(field->name, name)) {
            return field->kind != FIELD_COUNTERS && field->kind != FIELD_RECORDS;
        }
    }
    return false;
}

bool reply_sort_records(json_t *records, const struct command_field *fields, const char *name)
{
    size_t n = json_array_size(records);
    _cleanup_free_ struct sort_item *items = NEW_ARRAY(struct sort_item, n + 1);

    if (!can_sort_by(fields, name)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        items[i].record = json_incref(json_array_get(records, i));
        items[i].key = json_object_get(items[i].record, name);
        items[i].position = i;
    }
    qsort(items, n, sizeof(items[0]), compare_items);
    json_array_clear(records);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(records, items[i].record);
    }
    return true;
}

static void put_list(const json_t *list, struct buf *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        buf_printf(text, "%s%s", i ? "," : "", json_string_value(item));
    }
}

// The text of a cell, empty only for an empty string.
static void put_cell(const json_t *value, struct buf *text)
{
    if (json_is_string(value)) {
        buf_puts(text, json_string_value(value));
    } else if (json_is_integer(value)) {
        buf_printf(text, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        buf_printf(text, "%.3f", json_real_value(value));
    } else if (json_is_boolean(value)) {
        buf_puts(text, json_is_true(value) ? "yes" : "no");
    } else if (json_array_size(value)) {
        put_list(value, text);
    } else {
        buf_putc(text, '-');
    }
}

// C1 controls are U+0080 to U+009F, which is C2 80 to C2 9F in UTF-8.
void reply_replace_controls(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 0x7f) {
            *c = '?';
        } else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
            c[0] = c[1] = '?';
        }
    }
}

// Returns the number of characters of UTF-8 text.
static size_t text_width(const char *text)
{
    return utf8_count(slice_of(text));
}

static bool is_number(const struct command_field *field)
{
    return field->kind == FIELD_INTEGER || field->kind == FIELD_REAL;
}

static size_t count_fields(const struct command_field *fields)
{
    size_t n = 0;

    while (fields[n].name) {
        n++;
    }
    return n;
}

static void put_padding(struct buf *text, char c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_putc(text, c);
    }
}

// Puts one cell of a line. The last cell gets no padding at its end.
static void put_padded(struct buf *text, const struct command_field *field, const char *cell,
                       size_t width, bool is_last)
{
    size_t padding = width - text_width(cell);

    assert(text_width(cell) <= width);
    if (is_number(field)) {
        put_padding(text, ' ', padding);
    }
    buf_puts(text, cell);
    if (!is_number(field) && !is_last) {
        put_padding(text, ' ', padding);
    }
    buf_putc(text, is_last ? '\n' : ' ');
}

static char *cell_text(const json_t *record, const struct command_field *field)
{
    struct buf text = {0};
    char *cell;

    put_cell(json_object_get(record, field->name), &text);
    cell = buf_steal(&text);
    reply_replace_controls(cell);
    return cell;
}

static void put_heading(struct buf *text, const struct command_field *fields, size_t n,
                        const size_t *widths)
{
    for (size_t i = 0; i < n; i++) {
        put_padded(text, &fields[i], fields[i].name, widths[i], i + 1 == n);
    }
    for (size_t i = 0; i < n; i++) {
        put_padding(text, '-', widths[i]);
        buf_putc(text, i + 1 == n ? '\n' : ' ');
    }
}

void reply_print_records(const json_t *records, const struct command_field *fields,
                         struct buf *text)
{
    size_t n = count_fields(fields), n_records = json_array_size(records);
    _cleanup_free_ char **cells = NEW_ARRAY(char *, n *n_records + 1);
    _cleanup_free_ size_t *widths = NEW_ARRAY(size_t, n + 1);

    assert(n);
    for (size_t i = 0; i < n; i++) {
        widths[i] = text_width(fields[i].name);
    }
    for (size_t i = 0; i < n * n_records; i++) {
        cells[i] = cell_text(json_array_get(records, i / n), &fields[i % n]);
        widths[i % n] = MAX(widths[i % n], text_width(cells[i]));
    }
    put_heading(text, fields, n, widths);
    for (size_t i = 0; i < n * n_records; i++) {
        put_padded(text, &fields[i % n], cells[i], widths[i % n], i % n + 1 == n);
        free(cells[i]);
    }
}

// SPDX-License-Identifier: Apache-2.0
// Formats tables, headings and rows of cells, in five formats. A cell is empty, plain text, JSON
// text, or a datum with its type, which decides how the datum is printed.
#pragma once

#include "basic/clock.h"
#include "model/datum.h"

enum table_format {
    TABLE_FORMAT_TABLE,
    TABLE_FORMAT_LIST,
    TABLE_FORMAT_HTML,
    TABLE_FORMAT_CSV,
    TABLE_FORMAT_JSON
};
enum table_data { TABLE_DATA_STRING, TABLE_DATA_BARE, TABLE_DATA_JSON };

struct table_style {
    enum table_format format;
    enum table_data data; // how cells are printed; TABLE_FORMAT_JSON always prints JSON
    bool no_headings;
    bool pretty;             // JSON format: indented
    size_t max_column_width; // table format, in bytes; 0: no limit
};

struct table_cell;

// A zeroed struct is an empty table.
struct table_formatter {
    char *caption;
    usec_t timestamp; // printed above the table; 0: none
    char **headings;
    size_t n_columns;
    size_t columns_capacity;
    struct table_cell *cells; // row after row
    size_t n_cells;
    size_t cells_capacity;
};

void table_formatter_done(struct table_formatter *table);
void table_formatter_set_caption(struct table_formatter *table, const char *caption); // copied
// All columns must be added before the first cell.
void table_formatter_add_column(struct table_formatter *table, const char *heading); // copied
// Add the next cell: an empty one, a text (copied), JSON text (copied, and printed unchanged), or a
// datum (taken over; `type` must outlive the table).
void table_formatter_add_empty(struct table_formatter *table);
void table_formatter_add_text(struct table_formatter *table, struct slice text);
void table_formatter_add_json(struct table_formatter *table, struct slice json);
void table_formatter_add_datum(struct table_formatter *table, union datum datum,
                               const struct type *type);
size_t table_formatter_n_rows(const struct table_formatter *table);

// Appends the table, whose last row must be complete. `is_first` is false if another table was
// printed before: some formats then begin with an empty line. O(size of the output).
void table_formatter_put(struct buf *buf, const struct table_formatter *table,
                         const struct table_style *style, bool is_first);

// Parse "table", "list", "html", "csv" or "json", and "string", "bare" or "json". False: `name` is
// another word.
bool table_format_parse(const char *name, enum table_format *ret);
bool table_data_parse(const char *name, enum table_data *ret);

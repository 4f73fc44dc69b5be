// SPDX-License-Identifier: Apache-2.0
// Sheets: tables as the tools print them. Headings and rows of cells, in five formats. A cell is
// plain text, JSON text, or a value of the database with its type, which decides how it is printed
// for people.
#pragma once

#include "basic/clock.h"
#include "model/datum.h"

enum sheet_format {
    SHEET_FORMAT_TABLE,
    SHEET_FORMAT_LIST,
    SHEET_FORMAT_HTML,
    SHEET_FORMAT_CSV,
    SHEET_FORMAT_JSON
};
enum sheet_data { SHEET_DATA_STRING, SHEET_DATA_BARE, SHEET_DATA_JSON };

struct sheet_style {
    enum sheet_format format;
    enum sheet_data data; // of cells; the JSON format always prints JSON
    bool no_headings;
    bool pretty;             // JSON format: indented
    size_t max_column_width; // table format, in bytes; 0: no limit
};

struct sheet_cell;

// A zeroed struct is an empty sheet.
struct sheet {
    char *caption;
    usec_t timestamp; // printed above the sheet; 0: none
    char **headings;
    size_t n_columns;
    size_t columns_capacity;
    struct sheet_cell *cells; // row after row; its length is a multiple of n_columns when printed
    size_t n_cells;
    size_t cells_capacity;
};

void sheet_done(struct sheet *sheet);
void sheet_set_caption(struct sheet *sheet, const char *caption); // copied
// All columns come before the first cell.
void sheet_add_column(struct sheet *sheet, const char *heading); // copied
// The next cell: an empty one, a text (copied), JSON text (copied; printed as it is), or a datum
// (taken over; `type` must outlive the sheet).
void sheet_add_empty(struct sheet *sheet);
void sheet_add_text(struct sheet *sheet, struct slice text);
void sheet_add_json(struct sheet *sheet, struct slice json);
void sheet_add_datum(struct sheet *sheet, union datum datum, const struct type *type);
size_t sheet_n_rows(const struct sheet *sheet);

// Appends the sheet. `is_first` is false if another one was printed before: then formats that need
// it begin with an empty line. O(size of the output).
void sheet_put(struct buf *buf, const struct sheet *sheet, const struct sheet_style *style,
               bool is_first);

// "table", "list", "html", "csv", "json"; "string", "bare", "json".
bool sheet_format_parse(const char *name, enum sheet_format *ret);
bool sheet_data_parse(const char *name, enum sheet_data *ret);

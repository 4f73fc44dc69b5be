// SPDX-License-Identifier: Apache-2.0
#include "daemon/remotes/named.h"

#include "basic/str.h"
#include "daemon/databases/row_settings.h"

#define LEAST_MS 1000 // shorter probe intervals and back-offs only cost time

static bool is_of_strings(const struct column *column)
{
    return column->type.key.type == ATOM_STRING && !type_is_map(&column->type);
}

static const struct table_schema *referred(const struct column *column)
{
    return column->type.key.type == ATOM_UUID && !type_is_map(&column->type)
               ? column->type.key.uuid.ref_table
               : NULL;
}

struct failure *named_remotes_refusal(const struct column *column)
{
    const struct table_schema *table = referred(column);
    const struct column *target;

    if (is_of_strings(column)) {
        return NULL;
    }
    if (!table) {
        return failure_new(FAILURE_INVALID,
                           "column \"%s\" holds neither strings nor references to rows",
                           column->name);
    }
    target = table_schema_find_column(table, SLICE("target"));
    if (!target || !is_of_strings(target)) {
        return failure_new(FAILURE_INVALID, "table \"%s\" has no column \"target\" of strings",
                           table->name);
    }
    return NULL;
}

// Reads milliseconds, raised to LEAST_MS. 0 is valid only if `zero_is_valid`. False: the column has
// no valid number.
static bool read_ms(const struct row *row, const char *column, bool zero_is_valid, uint64_t *ret)
{
    int64_t ms;

    if (!row_integer(row, column, &ms) || ms < 0 || (!ms && !zero_is_valid)) {
        return false;
    }
    *ret = ms ? (uint64_t)MAX(ms, LEAST_MS) : 0;
    return true;
}

static void read_dscp(const struct row *row, int *ret)
{
    const char *text = row_map_string(row, "other_config", "dscp");
    uint64_t dscp;

    if (text && str_parse_number(text, 63, &dscp)) {
        *ret = (int)dscp;
    }
}

static struct named_remote read_row(const struct row *row)
{
    struct named_remote named = {
        .target = row_string(row, "target"),
        .settings = REMOTE_SETTINGS_DEFAULT,
        .row = row,
    };

    read_ms(row, "inactivity_probe", true, &named.settings.options.probe_interval_ms);
    read_ms(row, "max_backoff", false, &named.settings.options.max_backoff_ms);
    read_dscp(row, &named.settings.options.dscp);
    named.settings.read_only = row_is_true(row, "read_only");
    named.settings.role = row_string(row, "role");
    return named;
}

struct reading {
    const struct db_column *column;
    struct named_remote *items;
    size_t n;
    size_t capacity;
};

static void add_value(void *userdata, const struct row *row, union atom value)
{
    struct reading *reading = userdata;
    const struct table_schema *table = referred(reading->column->column);
    struct named_remote named = {.settings = REMOTE_SETTINGS_DEFAULT};

    if (!table) {
        named.target = value.string->data;
    } else if ((row = table_find(db_table(reading->column->db, table), value.uuid))) {
        named = read_row(row);
    }
    if (named.target && *named.target) {
        GROW(reading->items, reading->n, reading->capacity);
        reading->items[reading->n++] = named;
    }
}

static int compare_remotes(const void *a, const void *b)
{
    const struct named_remote *x = a, *y = b;
    int cmp = strcmp(x->target, y->target);

    if (cmp || !x->row) {
        return cmp;
    }
    return uuid_compare(x->row->uuid, y->row->uuid);
}

struct named_remote *named_remotes_read(const struct db_column *column, size_t *ret_n)
{
    struct reading reading = {.column = column};
    size_t n = 0;

    db_column_each(column, add_value, &reading);
    if (reading.n) {
        qsort(reading.items, reading.n, sizeof(*reading.items), compare_remotes);
    }
    for (size_t i = 0; i < reading.n; i++) {
        if (!n || compare_remotes(&reading.items[n - 1], &reading.items[i])) {
            reading.items[n++] = reading.items[i];
        }
    }
    *ret_n = n;
    return reading.items;
}

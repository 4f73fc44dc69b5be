// SPDX-License-Identifier: Apache-2.0
// The repair runs in rounds over all rows. Deleting a row may leave dangling references to it, so
// the rounds are repeated until one deletes no row.
#include "store/repair.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

struct repair {
    struct db *db;
    const struct findings *findings;
    struct repaired counts;
};

// One row under repair.
struct place {
    const struct table_schema *table;
    struct uuid uuid;
};

PRINTF_FORMAT(3, 4)
static void report(const struct repair *repair, const struct place *place, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_free_ char *line = NULL;
    char uuid[UUID_TEXT_SIZE];
    va_list args;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    line =
        xasprintf("table %s, row %s: %s", place->table->name, uuid_text(place->uuid, uuid), text);
    repair->findings->found(repair->findings->userdata, line);
}

static struct row *row_at(const struct repair *repair, const struct place *place)
{
    return table_find(db_table(repair->db, place->table), place->uuid);
}

static void delete_row(struct repair *repair, const struct place *place)
{
    bool is_deleted = db_load_delete(repair->db, place->table, place->uuid);

    assert(is_deleted);
    repair->counts.n_rows++;
}

// True if `atom` refers to a row that does not exist, which is reported.
static bool dangles(struct repair *repair, const struct place *place, const struct column *column,
                    const struct base_type *base, union atom atom)
{
    bool is_weak = base_type_is_weak_ref(base);
    char uuid[UUID_TEXT_SIZE];

    if ((!is_weak && !base_type_is_strong_ref(base)) ||
        table_find(db_table(repair->db, base->uuid.ref_table), atom.uuid)) {
        return false;
    }
    report(repair, place, "column %s refers%s to row %s of table %s, which does not exist",
           column->name, is_weak ? " weakly" : "", uuid_text(atom.uuid, uuid),
           base->uuid.ref_table->name);
    if (is_weak) {
        repair->counts.n_weak++;
    } else {
        repair->counts.n_references++;
    }
    return true;
}

// Removes the dangling elements of a value. Returns the number of remaining elements. Sets *ret to
// the new value if elements were removed and enough remain for the type. O(elements).
static uint32_t drop_dangling(struct repair *repair, const struct place *place,
                              const struct column *column, union datum value, union datum *ret)
{
    const struct type *type = &column->type;
    uint32_t n = datum_n(value, type), n_kept = 0;
    _cleanup_free_ union atom *kept = NEW_ARRAY(union atom, 2 * (size_t)n + 1);
    struct elems_cursor cursor;

    for (datum_start(&value, type, &cursor); cursor.key; elems_next(&cursor)) {
        if (dangles(repair, place, column, &type->key, *cursor.key) ||
            (cursor.value && dangles(repair, place, column, &type->value, *cursor.value))) {
            continue;
        }
        kept[n_kept] = *cursor.key;
        kept[n + n_kept++] = cursor.value ? *cursor.value : *cursor.key;
    }
    if (n_kept < n && n_kept >= type->n_min) {
        *ret = datum_from_sorted(type, kept, kept + n, n_kept);
    }
    return n_kept;
}

// False if the row was deleted.
static bool repair_column(struct repair *repair, const struct place *place,
                          const struct column *column)
{
    struct row *row = row_at(repair, place);
    union datum value = row_get(row, column), shorter;
    _cleanup_error_ struct ovsdb_error *error = NULL;
    uint32_t n = datum_n(value, &column->type);
    uint32_t n_kept = drop_dangling(repair, place, column, value, &shorter);
    bool is_new;

    if (n_kept < column->type.n_min) {
        report(repair, place, "left out: column %s would have too few elements", column->name);
        delete_row(repair, place);
        return false;
    }
    if (n_kept < n) {
        row_set(db_load_row(repair->db, place->table, place->uuid, &is_new), column, shorter);
        assert(!is_new);
    }
    error = datum_check(row_get(row_at(repair, place), column), &column->type);
    if (error) {
        _cleanup_free_ char *text = error_text(error);

        report(repair, place, "left out: column %s: %s", column->name, text);
        delete_row(repair, place);
        return false;
    }
    return true;
}

static void repair_row(struct repair *repair, const struct place *place)
{
    bool is_there = true;

    for (uint16_t i = COLUMN_VERSION + 1; i < place->table->n_columns && is_there; i++) {
        is_there = repair_column(repair, place, &place->table->columns[i]);
    }
}

static int compare_uuids(const void *a, const void *b)
{
    const struct row *const *rows[] = {a, b};

    return uuid_compare((*rows[0])->uuid, (*rows[1])->uuid);
}

// The rows of a table by UUID. Caller frees.
static struct row **sorted_rows(const struct repair *repair, const struct table_schema *table,
                                size_t *ret_n)
{
    const struct table *rows = db_table(repair->db, table);
    struct row **sorted = NEW_ARRAY(struct row *, table_n_rows(rows) + 1);
    size_t state = 0, n = 0;
    struct row *row;

    while ((row = table_next(rows, &state))) {
        sorted[n++] = row;
    }
    assert(n == table_n_rows(rows));
    qsort(sorted, n, sizeof(*sorted), compare_uuids);
    *ret_n = n;
    return sorted;
}

static void repair_columns(struct repair *repair, const struct table_schema *table)
{
    size_t n;
    _cleanup_free_ struct row **rows = sorted_rows(repair, table, &n);

    for (size_t i = 0; i < n; i++) {
        const struct place place = {table, rows[i]->uuid};

        repair_row(repair, &place);
    }
}

static int compare_keys(const struct row *a, const struct row *b, const struct index_schema *index)
{
    int order = 0;

    for (size_t i = 0; i < index->n_columns && !order; i++) {
        const struct column *column = index->columns[i];

        order = datum_compare(row_get(a, column), row_get(b, column), &column->type);
    }
    return order;
}

static int compare_entries(const void *a, const void *b, void *index)
{
    const struct row *const *rows[] = {a, b};
    int order = compare_keys(*rows[0], *rows[1], index);

    return order ? order : compare_uuids(a, b);
}

static void repair_index(struct repair *repair, const struct table_schema *table,
                         struct index_schema *index)
{
    size_t n, first = 0;
    _cleanup_free_ struct row **rows = sorted_rows(repair, table, &n);

    qsort_r(rows, n, sizeof(*rows), compare_entries, index);
    for (size_t i = 1; i < n; i++) {
        const struct place place = {table, rows[i]->uuid};
        char uuid[UUID_TEXT_SIZE];

        if (compare_keys(rows[first], rows[i], index)) {
            first = i;
            continue;
        }
        report(repair, &place, "left out: row %s has the same values in the index on %s%s",
               uuid_text(rows[first]->uuid, uuid), index->columns[0]->name,
               index->n_columns > 1 ? ", ..." : "");
        delete_row(repair, &place);
    }
}

static void repair_max_rows(struct repair *repair, const struct table_schema *table)
{
    size_t n;
    _cleanup_free_ struct row **rows = sorted_rows(repair, table, &n);

    while (n > table->max_rows) {
        const struct place place = {table, rows[--n]->uuid};

        report(repair, &place, "left out: the table may have no more than %u rows",
               (unsigned)table->max_rows);
        delete_row(repair, &place);
    }
}

void repair_rows(struct db *db, const struct findings *findings, struct repaired *ret)
{
    const struct schema *schema = db_schema(db);
    struct repair repair = {.db = db, .findings = findings};
    size_t n_rows;

    do {
        n_rows = repair.counts.n_rows;
        for (uint16_t i = 0; i < schema->n_tables; i++) {
            struct table_schema *table = &schema->tables[i];

            repair_columns(&repair, table);
            for (size_t j = 0; j < table->n_indexes; j++) {
                repair_index(&repair, table, &table->indexes[j]);
            }
            repair_max_rows(&repair, table);
        }
    } while (repair.counts.n_rows > n_rows);
    *ret = repair.counts;
}

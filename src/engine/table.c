// SPDX-License-Identifier: Apache-2.0
#include "engine/table.h"

#include <assert.h>

static const struct column **columns_with(const struct table_schema *schema,
                                          bool (*has)(const struct column *), size_t *ret_n)
{
    const struct column **columns = NULL;
    size_t n = 0, capacity = 0;

    for (uint16_t i = COLUMN_VERSION + 1; i < schema->n_columns; i++) {
        if (has(&schema->columns[i])) {
            GROW(columns, n, capacity);
            columns[n++] = &schema->columns[i];
        }
    }
    *ret_n = n;
    return columns;
}

static bool has_strong(const struct column *column)
{
    return base_type_is_strong_ref(&column->type.key) ||
           base_type_is_strong_ref(&column->type.value);
}

static bool has_weak(const struct column *column)
{
    return base_type_is_weak_ref(&column->type.key) || base_type_is_weak_ref(&column->type.value);
}

static bool has_bad_default(const struct column *column)
{
    union datum datum = datum_default(&column->type);
    _cleanup_error_ struct ovsdb_error *error = datum_check(datum, &column->type);

    datum_done(datum, &column->type);
    return error != NULL;
}

struct table *table_new(struct db *db, const struct table_schema *schema)
{
    struct table *table = NEW(struct table);

    table->db = db;
    table->schema = schema;
    table->strong = columns_with(schema, has_strong, &table->n_strong);
    table->weak = columns_with(schema, has_weak, &table->n_weak);
    table->required = columns_with(schema, has_bad_default, &table->n_required);
    table->n_indexes = schema->n_indexes;
    table->indexes = NEW_ARRAY(struct index *, table->n_indexes + 1);
    for (size_t i = 0; i < schema->n_indexes; i++) {
        const struct index_schema *index = &schema->indexes[i];

        table->indexes[i] = index_new(index->columns, index->n_columns, true);
    }
    return table;
}

void table_free(struct table *table)
{
    struct weak_set *set;

    assert(!table->is_touched && !table->n_fresh);
    table_free_rows(table, SIZE_MAX);
    htable_done(&table->entries);
    HTABLE_FOREACH(set, &table->weak_sets)
    {
        htable_done(&set->sources);
        free(set);
    }
    htable_done(&table->weak_sets);
    for (size_t i = 0; i < table->n_indexes; i++) {
        index_free(table->indexes[i]);
    }
    free(table->indexes);
    free(table->scanned);
    free(table->strong);
    free(table->weak);
    free(table->required);
    free(table->fresh);
    free(table);
}

size_t table_free_rows(struct table *table, size_t n)
{
    struct entry *entry;

    while (n && (entry = htable_next(&table->entries, &table->freed))) {
        assert(!entry->pending);
        row_unref(entry->row);
        free(entry);
        n--;
    }
    return n;
}

static struct uuid entry_uuid(const struct entry *entry)
{
    assert(entry->row || entry->pending);
    return entry->row ? entry->row->uuid : entry->pending->uuid;
}

struct entry *table_find_entry(const struct table *table, struct uuid uuid)
{
    struct entry *entry;

    HTABLE_FOREACH_WITH_HASH(entry, &table->entries, uuid_hash(uuid))
    {
        if (LIKELY(uuid_equals(entry_uuid(entry), uuid))) {
            return entry;
        }
    }
    return NULL;
}

struct entry *table_add_entry(struct table *table, struct uuid uuid)
{
    struct entry *entry = NEW(struct entry);

    assert(!table->freed);
    htable_insert(&table->entries, uuid_hash(uuid), entry);
    return entry;
}

static void weak_set_free(struct table *table, struct weak_set *set)
{
    bool was_there = htable_remove(&table->weak_sets, uuid_hash(set->target), set);

    assert(was_there);
    htable_done(&set->sources);
    free(set);
}

void table_remove_entry(struct table *table, struct uuid uuid, struct entry *entry)
{
    bool was_there;

    if (entry->is_weakly_referenced) {
        weak_set_free(table, table_find_weak_set(table, uuid));
    }
    was_there = htable_remove(&table->entries, uuid_hash(uuid), entry);
    assert(was_there);
    free(entry);
}

static uint64_t address_hash(const void *p)
{
    return hash_mix((uintptr_t)p);
}

struct weak_set *table_find_weak_set(const struct table *table, struct uuid target)
{
    struct weak_set *set;

    HTABLE_FOREACH_WITH_HASH(set, &table->weak_sets, uuid_hash(target))
    {
        if (uuid_equals(set->target, target)) {
            return set;
        }
    }
    return NULL;
}

void table_add_weak(struct table *table, struct entry *target, struct entry *source)
{
    struct uuid uuid = entry_uuid(target);
    struct weak_set *set;

    if (!target->is_weakly_referenced) {
        set = NEW(struct weak_set);
        set->target = uuid;
        htable_insert(&table->weak_sets, uuid_hash(uuid), set);
        target->is_weakly_referenced = true;
    } else {
        set = table_find_weak_set(table, uuid);
    }
    assert(set); // is_weakly_referenced says so
    htable_insert(&set->sources, address_hash(source), source);
}

void table_remove_weak(struct table *table, struct entry *target, struct entry *source)
{
    struct weak_set *set = table_find_weak_set(table, entry_uuid(target));
    bool was_there;

    assert(target->is_weakly_referenced && set);
    was_there = htable_remove(&set->sources, address_hash(source), source);
    assert(was_there);
    if (!set->sources.n) {
        target->is_weakly_referenced = false;
        weak_set_free(table, set);
    }
}

// Functions of db.h

size_t table_n_rows(const struct table *table)
{
    return table->n_rows;
}

struct row *table_find(const struct table *table, struct uuid uuid)
{
    struct entry *entry = table_find_entry(table, uuid);

    return entry ? entry->row : NULL;
}

struct row *table_next(const struct table *table, size_t *state)
{
    struct entry *entry;

    while ((entry = htable_next(&table->entries, state))) {
        if (entry->row) {
            return entry->row;
        }
    }
    return NULL;
}

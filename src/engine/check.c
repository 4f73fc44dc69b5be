// SPDX-License-Identifier: Apache-2.0
// Everything here is computed the slow and simple way, from the values of the rows alone.
#include "engine/check.h"

#include "engine/internal.h"

struct check {
    const struct db *db;
    char *problem; // the first
    // Counted from the values, by address of the entry referred to.
    struct htable strong; // of tally
    struct htable weak;   // of tally, each referring row once
    size_t n_weak;
};

struct tally {
    const struct entry *target;
    const struct entry *last_source; // weak: not to count it twice
    size_t n;
};

static void fail(struct check *check, const struct table *table, const struct row *row,
                 const char *what)
{
    char uuid[UUID_TEXT_SIZE] = "";

    if (!check->problem) {
        check->problem = xasprintf("table %s, row %s: %s", table->schema->name,
                                   row ? uuid_text(row->uuid, uuid) : "-", what);
    }
}

static struct tally *tally_of(struct htable *tallies, const struct entry *target)
{
    uint64_t hash = hash_mix((uintptr_t)target);
    struct tally *tally;

    HTABLE_FOREACH_WITH_HASH(tally, tallies, hash)
    {
        if (tally->target == target) {
            return tally;
        }
    }
    tally = NEW(struct tally);
    tally->target = target;
    htable_insert(tallies, hash, tally);
    return tally;
}

static size_t tallied(struct htable *tallies, const struct entry *target)
{
    return tally_of(tallies, target)->n;
}

static void tallies_done(struct htable *tallies)
{
    struct tally *tally;

    HTABLE_FOREACH(tally, tallies)
    {
        free(tally);
    }
    htable_done(tallies);
}

static bool set_has(const struct weak_set *set, const struct entry *source)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &set->sources)
    {
        if (entry == source) {
            return true;
        }
    }
    return false;
}

static void check_weak(struct check *check, const struct table *table, const struct entry *source,
                       const struct table *target_table, const struct entry *target)
{
    struct tally *tally = tally_of(&check->weak, target);
    struct weak_set *set = table_find_weak_set(target_table, target->row->uuid);

    if (tally->last_source != source) {
        tally->last_source = source;
        tally->n++;
        check->n_weak++;
    }
    if (!set || !set_has(set, source)) {
        fail(check, table, source->row, "a weak reference is not registered");
    }
}

static void check_side(struct check *check, const struct table *table, const struct entry *entry,
                       const struct base_type *base, const union atom *atoms, uint32_t n)
{
    if (base->type != ATOM_UUID || base->uuid.ref_type == REF_NONE) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct table *target_table = db_table_of(check->db, base->uuid.ref_table);
        const struct entry *target = table_find_entry(target_table, atoms[i].uuid);

        if (!target || !target->row) {
            fail(check, table, entry->row, "a reference to a row that does not exist");
        } else if (base_type_is_weak_ref(base)) {
            check_weak(check, table, entry, target_table, target);
        } else if (target != entry) {
            tally_of(&check->strong, target)->n++;
        }
    }
}

static void check_values(struct check *check, const struct table *table, const struct entry *entry)
{
    for (uint16_t i = COLUMN_VERSION + 1; i < table->schema->n_columns; i++) {
        const struct column *column = &table->schema->columns[i];
        const struct type *type = &column->type;
        union datum datum = row_get(entry->row, column);
        struct ovsdb_error *error = datum_check(datum, type);
        uint32_t n = datum_n(datum, type);

        if (error) {
            fail(check, table, entry->row, error->details);
            error_free(error);
        }
        check_side(check, table, entry, &type->key, datum_keys(&datum, type), n);
        if (type_is_map(type)) {
            check_side(check, table, entry, &type->value, datum_values(&datum), n);
        }
    }
}

static void check_index(struct check *check, const struct table *table, const struct index *index,
                        struct entry *entry)
{
    struct multimap_cursor cursor;
    struct entry *other;
    bool found = false;

    multimap_start(&index->committed, index_hash(index, entry->row), &cursor);
    while ((other = multimap_next(&cursor))) {
        if (other == entry) {
            found = true;
        } else if (index->is_unique && index_values_equal(index, entry->row, other->row)) {
            fail(check, table, entry->row, "not unique");
        }
    }
    if (!found) {
        fail(check, table, entry->row, "missing in an index");
    }
}

static size_t check_rows(struct check *check, const struct table *table)
{
    struct entry *entry;
    size_t memory = 0;

    HTABLE_FOREACH(entry, &table->entries)
    {
        if (!entry->row || entry->pending) {
            fail(check, table, entry->row, "left over from a transaction");
            continue;
        }
        memory += row_memory(entry->row, NULL);
        check_values(check, table, entry);
        for (size_t i = 0; i < table->n_indexes; i++) {
            check_index(check, table, table->indexes[i], entry);
        }
    }
    if (table->n_rows != table->entries.n || table->n_rows > table->schema->max_rows) {
        fail(check, table, NULL, "wrong number of rows");
    }
    for (size_t i = 0; i < table->n_indexes; i++) {
        if (table->indexes[i]->committed.n != table->n_rows || table->indexes[i]->pending.n) {
            fail(check, table, NULL, "an index has rows of its own");
        }
    }
    return memory;
}

static void check_counts(struct check *check, const struct table *table)
{
    struct entry *entry;

    HTABLE_FOREACH(entry, &table->entries)
    {
        struct weak_set *set = table_find_weak_set(table, entry->row->uuid);

        if (entry->n_strong != tallied(&check->strong, entry)) {
            fail(check, table, entry->row, "wrong count of strong references");
        }
        if (!entry->n_strong && !table->schema->is_root) {
            fail(check, table, entry->row, "not collected");
        }
        if (entry->is_weakly_referenced != (set != NULL) ||
            (set ? set->sources.n : 0) != tallied(&check->weak, entry)) {
            fail(check, table, entry->row, "wrong set of weak referrers");
        }
    }
}

char *db_check(const struct db *db)
{
    struct check check = {.db = db};
    size_t memory = 0;

    for (uint16_t i = 0; i < db->schema->n_tables; i++) {
        memory += check_rows(&check, db->tables[i]);
    }
    for (uint16_t i = 0; i < db->schema->n_tables && !check.problem; i++) {
        check_counts(&check, db->tables[i]);
    }
    if (!check.problem && (memory != db->memory || check.n_weak != db->n_weak_refs)) {
        check.problem = xasprintf("memory %zu, not %zu; weak references %zu, not %zu", db->memory,
                                  memory, db->n_weak_refs, check.n_weak);
    }
    tallies_done(&check.strong);
    tallies_done(&check.weak);
    return check.problem;
}

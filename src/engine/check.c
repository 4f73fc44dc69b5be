// SPDX-License-Identifier: Apache-2.0
// The expected state is computed from the values of the rows alone, in the simplest way, so that
// this file shares no code with the commits that it checks.
#include "engine/check.h"

#include "engine/internal.h"

#include <assert.h>
#include <stdio.h>

#define ROWS_PER_SKIPPED_COMMIT 256

struct check {
    const struct db *db;
    char *problem; // the first
    // Numbers of references, counted from the values of all rows: struct tally by target address.
    struct htable strong;
    struct htable weak; // a row that refers to the target several times counts once
    size_t n_weak;
};

struct tally {
    const struct entry *target;
    const struct entry *last_source; // of weak references: the referring row counted last
    size_t n;
};

static void check_fail(struct check *check, const struct table *table, const struct row *row,
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

    HTABLE_FOREACH_WITH_HASH(entry, &set->sources, hash_mix((uintptr_t)source))
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
        check_fail(check, table, source->row, "a weak reference is not registered");
    }
}

static void check_reference(struct check *check, const struct table *table,
                            const struct entry *entry, const struct base_type *base,
                            const union atom *atom)
{
    const struct table *target_table;
    const struct entry *target;

    if (base->type != ATOM_UUID || base->uuid.ref_type == REF_NONE) {
        return;
    }
    target_table = db_table_of(check->db, base->uuid.ref_table);
    target = table_find_entry(target_table, atom->uuid);
    if (!target || !target->row) {
        check_fail(check, table, entry->row, "a reference to a row that does not exist");
    } else if (base_type_is_weak_ref(base)) {
        check_weak(check, table, entry, target_table, target);
    } else if (target != entry) {
        tally_of(&check->strong, target)->n++;
    }
}

static void check_value(struct check *check, const struct table *table, const struct entry *entry,
                        const struct column *column)
{
    const struct type *type = &column->type;
    union datum datum = row_get(entry->row, column);
    _cleanup_error_ struct ovsdb_error *error = datum_check(datum, type);
    const char *problem = type_is_scalar(type) ? NULL : elems_check(datum.elems, type->key.type);
    struct elems_cursor cursor;

    if (error || problem) {
        check_fail(check, table, entry->row, error ? error->details : problem);
    }
    for (datum_start(&datum, type, &cursor); cursor.key; elems_next(&cursor)) {
        check_reference(check, table, entry, &type->key, cursor.key);
        if (cursor.value) {
            check_reference(check, table, entry, &type->value, cursor.value);
        }
    }
}

static void check_values(struct check *check, const struct table *table, const struct entry *entry)
{
    for (uint16_t i = COLUMN_VERSION + 1; i < table->schema->n_columns; i++) {
        check_value(check, table, entry, &table->schema->columns[i]);
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
            check_fail(check, table, entry->row, "the values of an index are not unique");
        }
    }
    if (found != index_covers(index, entry->row->uuid)) {
        check_fail(check, table, entry->row,
                   found ? "an index has a row too early" : "the row is missing in an index");
    }
}

static size_t count_covered(const struct table *table, const struct index *index)
{
    struct entry *entry;
    size_t n = 0;

    HTABLE_FOREACH(entry, &table->entries)
    {
        n += entry->row && index_covers(index, entry->row->uuid);
    }
    return n;
}

static size_t check_rows(struct check *check, const struct table *table)
{
    struct entry *entry;
    size_t memory = 0;

    HTABLE_FOREACH(entry, &table->entries)
    {
        if (!entry->row || entry->pending) {
            check_fail(check, table, entry->row, "an ended transaction has left its state");
            continue;
        }
        memory += row_memory(entry->row, NULL);
        check_values(check, table, entry);
        for (size_t i = 0; i < table->n_indexes; i++) {
            check_index(check, table, table->indexes[i], entry);
        }
    }
    if (table->is_touched || table->n_fresh) {
        check_fail(check, table, NULL, "an ended transaction has left its state");
    }
    if (table->n_rows != table->entries.n || table->n_rows > table->schema->max_rows) {
        check_fail(check, table, NULL, "wrong number of rows");
    }
    for (size_t i = 0; i < table->n_indexes; i++) {
        const struct index *index = table->indexes[i];

        if (index->committed.n != count_covered(table, index) || index->pending.n) {
            check_fail(check, table, NULL, "an index refers to rows that are not in the table");
        }
    }
    return memory;
}

static void check_counts(struct check *check, const struct table *table)
{
    struct entry *entry;
    size_t n_targets = 0;

    HTABLE_FOREACH(entry, &table->entries)
    {
        struct weak_set *set = table_find_weak_set(table, entry->row->uuid);

        if (entry->n_strong != tallied(&check->strong, entry)) {
            check_fail(check, table, entry->row, "wrong count of strong references (I-4)");
        }
        if (!entry->n_strong && !table->schema->is_root) {
            check_fail(check, table, entry->row,
                       "a row of a non-root table without references exists");
        }
        n_targets += set != NULL;
        if (entry->is_weakly_referenced != (set != NULL) ||
            (set ? set->sources.n : 0) != tallied(&check->weak, entry)) {
            check_fail(check, table, entry->row, "wrong set of weak referrers");
        }
    }
    if (table->weak_sets.n != n_targets) {
        check_fail(check, table, NULL, "weak referrers of rows that do not exist are registered");
    }
}

// I-5: the last change set leads to the current rows. Those of loading (seq 0) may change a row
// more than once.
static void check_chain(struct check *check)
{
    const struct changeset *tail = check->db->tail;

    if (tail->next) {
        check->problem = xstrdup("the last change set has a successor (I-5)");
        return;
    }
    for (size_t i = 0; i < tail->n_tables && tail->seq; i++) {
        const struct table *table = db_table_of(check->db, tail->tables[i].table);

        for (size_t j = 0; j < tail->tables[i].n_rows; j++) {
            const struct row_change *change = &tail->tables[i].rows[j];
            const struct row *row = change->new ? change->new : change->old;

            if (table_find(table, row->uuid) != change->new) {
                check_fail(check, table, row, "the last change set differs from the table (I-5)");
            }
        }
    }
}

char *db_check_structures(const struct db *db)
{
    struct check check = {.db = db};
    size_t memory = 0;

    assert(!db->txn.is_open || !db->txn.n_pending);
    for (uint16_t i = 0; i < db->schema->n_tables; i++) {
        memory += check_rows(&check, db->tables[i]);
    }
    for (uint16_t i = 0; i < db->schema->n_tables && !check.problem; i++) {
        check_counts(&check, db->tables[i]);
    }
    if (!check.problem) {
        check_chain(&check);
    }
    if (!check.problem && (memory != db->memory || check.n_weak != db->n_weak_refs)) {
        check.problem = xasprintf("memory %zu, not %zu; weak references %zu, not %zu", db->memory,
                                  memory, db->n_weak_refs, check.n_weak);
    }
    tallies_done(&check.strong);
    tallies_done(&check.weak);
    return check.problem;
}

// The switch

static bool structure_checks;

void db_set_structure_checks(bool on)
{
    structure_checks = on;
}

bool db_structure_checks(void)
{
    return structure_checks;
}

void db_check_after_commit(struct db *db)
{
    _cleanup_free_ char *problem = NULL;

    if (LIKELY(!structure_checks)) {
        return;
    }
    if (db->n_unchecked++ < db_n_rows(db) / ROWS_PER_SKIPPED_COMMIT) {
        return;
    }
    db->n_unchecked = 0;
    problem = db_check_structures(db);
    if (problem) {
        fprintf(stderr, "database %s is inconsistent: %s\n", db->schema->name, problem);
        abort();
    }
}

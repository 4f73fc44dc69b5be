// SPDX-License-Identifier: Apache-2.0
// Reference counts and sets of weak referrers are kept with the row that is referred to. A commit
// changes them by the difference between the old and the new version of each row: adding one
// reference to a set of ten thousand costs one look-up. References of a row to itself are not
// counted, because they must not keep the row alive.
//
// Order: all differences are counted (I-4); deleted rows must have no references; garbage
// collection deletes rows of non-root tables without references; weak references are purged.
// Purging a pair of a map with a strong key and a weak value may release a row, so the last two
// steps are repeated until they change nothing.
#include "engine/references.h"

// One side, keys or values, of a column that refers to rows of `target`.
struct side {
    struct txn *txn;
    struct pending *source;
    const struct column *column;
    bool is_value;
    struct table *target;
    struct ovsdb_error *error; // the first
    bool dangles;              // a new weak reference leads to a row that does not exist
};

typedef bool base_type_is_fn(const struct base_type *base);
typedef void side_fn(struct side *side, struct uuid target, int delta);

// A column's value in one version of a row, as arrays. Empty if the row is NULL.
struct view {
    union datum datum;
    const union atom *keys;
    const union atom *values; // of a map
    uint32_t n;
};

static void view_init(struct view *view, const struct row *row, const struct column *column)
{
    *view = (struct view){.n = 0};
    if (row) {
        view->datum = row_get(row, column);
        view->keys = datum_keys(&view->datum, &column->type);
        view->n = datum_n(view->datum, &column->type);
        view->values = type_is_map(&column->type) ? datum_values(&view->datum) : NULL;
    }
}

static struct uuid reference(const struct view *view, bool is_value, uint32_t i)
{
    return (is_value ? view->values : view->keys)[i].uuid;
}

// Calls `visit` with -1 for each reference of `old` that `new` does not have, and with +1 for each
// reference of `new` that `old` does not have. Both are sorted by key (I-2).
static void diff_side(struct side *side, const struct row *old, const struct row *new,
                      side_fn *visit)
{
    struct view a, b;
    enum atom_type type = side->column->type.key.type;

    view_init(&a, old, side->column);
    view_init(&b, new, side->column);
    for (uint32_t i = 0, j = 0; i < a.n || j < b.n;) {
        int cmp = i == a.n ? 1 : j == b.n ? -1 : atom_compare(a.keys[i], b.keys[j], type);

        if (cmp ||
            !uuid_equals(reference(&a, side->is_value, i), reference(&b, side->is_value, j))) {
            if (cmp <= 0) {
                visit(side, reference(&a, side->is_value, i), -1);
            }
            if (cmp >= 0) {
                visit(side, reference(&b, side->is_value, j), 1);
            }
        }
        i += cmp <= 0;
        j += cmp >= 0;
    }
}

static bool is_same(const struct row *a, const struct row *b, const struct column *column)
{
    return a && b &&
           !memcmp(&a->words[column->offset], &b->words[column->offset],
                   column->n_words * sizeof(uint64_t));
}

// diff_side() for the keys and the values of a column, if they are references for which is_kind().
static void diff_column(struct side *side, const struct row *old, const struct row *new,
                        base_type_is_fn *is_kind, side_fn *visit)
{
    const struct base_type *bases[] = {&side->column->type.key, &side->column->type.value};

    for (int i = 0; i < 2 && !is_same(old, new, side->column); i++) {
        if (is_kind(bases[i])) {
            side->is_value = i;
            side->target = db_table_of(side->txn->db, bases[i]->uuid.ref_table);
            diff_side(side, old, new, visit);
        }
    }
}

// Strong references

static void push(struct pending ***list, size_t *n, size_t *capacity, struct pending *pending)
{
    GROW(*list, *n, *capacity);
    (*list)[(*n)++] = pending;
}

static void queue_if_unused(struct txn *txn, struct pending *pending)
{
    if (!pending->n_strong && pending->new && !pending->table->schema->is_root &&
        !pending->is_queued) {
        pending->is_queued = true;
        push(&txn->queue, &txn->n_queue, &txn->queue_capacity, pending);
    }
}

static struct ovsdb_error *nonexistent(const struct side *side, struct uuid target)
{
    char from[UUID_TEXT_SIZE], to[UUID_TEXT_SIZE];

    return error_new(ERROR_INTEGRITY,
                     "column %s of row %s in table %s refers to row %s, which is "
                     "not in table %s",
                     side->column->name, uuid_text(side->source->uuid, from),
                     side->source->table->schema->name, uuid_text(target, to),
                     side->target->schema->name);
}

static void count_strong(struct side *side, struct uuid target, int delta)
{
    struct entry *entry = table_find_entry(side->target, target);
    struct pending *pending;

    if (entry && entry == side->source->entry) {
        return;
    }
    if (!entry || (!entry->row && !entry->pending->new)) {
        if (delta > 0 && !side->error) {
            side->error = nonexistent(side, target);
        }
        return;
    }
    pending = txn_touch(side->txn, side->target, entry);
    assert(delta > 0 || pending->n_strong); // I-4
    pending->n_strong += (uint32_t)delta;
    if (delta < 0) {
        queue_if_unused(side->txn, pending);
    }
}

static struct ovsdb_error *count_row(struct txn *txn, struct pending *source, const struct row *old,
                                     const struct row *new)
{
    struct side side = {.txn = txn, .source = source};

    for (size_t i = 0; i < source->table->n_strong; i++) {
        side.column = source->table->strong[i];
        diff_column(&side, old, new, base_type_is_strong_ref, count_strong);
    }
    return side.error;
}

// Counting touches the rows referred to and so makes the list longer. The added rows have not
// changed: they need no counting.
static struct ovsdb_error *count_all(struct txn *txn)
{
    size_t n = txn->n_pending;

    for (size_t i = 0; i < n; i++) {
        struct pending *pending = txn_pending(txn, i);
        struct ovsdb_error *error = count_row(txn, pending, pending->old, pending->new);

        if (error) {
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *check_deleted(const struct txn *txn)
{
    for (size_t i = 0; i < txn->n_pending; i++) {
        const struct pending *pending = txn_pending(txn, i);
        char uuid[UUID_TEXT_SIZE];

        if (!pending->new && pending->n_strong) {
            return error_new(ERROR_INTEGRITY,
                             "row %s of table %s cannot be deleted: %u reference(s) to it remain",
                             uuid_text(pending->uuid, uuid), pending->table->schema->name,
                             pending->n_strong);
        }
    }
    return NULL;
}

// Deletes the queued rows, and the rows that lose their last reference by that. Uses a work list
// instead of recursion, because chains of references may be long.
static void collect_unused(struct txn *txn)
{
    while (txn->n_queue) {
        struct pending *pending = txn->queue[--txn->n_queue];
        struct row *row = pending->new;

        assert(pending->is_queued);
        pending->is_queued = false;
        if (row && !pending->n_strong) {
            row_ref(row);
            txn_remove(txn, pending->table, pending->entry);
            count_row(txn, pending, row, NULL);
            row_unref(row);
        }
    }
}

// Weak references

static bool is_visible(const struct table *table, struct uuid uuid)
{
    const struct entry *entry = table_find_entry(table, uuid);

    return entry && entry_visible(entry);
}

static void check_weak(struct side *side, struct uuid target, int delta)
{
    if (delta > 0 && !side->dangles && !is_visible(side->target, target)) {
        side->dangles = true;
    }
}

static bool element_survives(const struct db *db, const struct type *type, const struct view *view,
                             uint32_t i)
{
    return (!base_type_is_weak_ref(&type->key) ||
            is_visible(db_table_of(db, type->key.uuid.ref_table), view->keys[i].uuid)) &&
           (!base_type_is_weak_ref(&type->value) ||
            is_visible(db_table_of(db, type->value.uuid.ref_table), view->values[i].uuid));
}

static struct ovsdb_error *became_empty(const struct pending *pending, const struct column *column)
{
    char uuid[UUID_TEXT_SIZE];

    return error_new(ERROR_CONSTRAINT,
                     "column %s of row %s in table %s would have too few elements without its weak "
                     "references to rows that are deleted or do not exist",
                     column->name, uuid_text(pending->uuid, uuid), pending->table->schema->name);
}

// Sets *ret to the value without its dangling elements, and *ret_changed to true, if there are any.
// O(elements).
static struct ovsdb_error *purge_value(const struct db *db, const struct pending *pending,
                                       const struct column *column, union datum *ret,
                                       bool *ret_changed)
{
    const struct type *type = &column->type;
    _cleanup_free_ union atom *keys = NULL;
    struct view view;
    union atom *values;
    uint32_t n = 0;

    view_init(&view, pending->new, column);
    keys = NEW_ARRAY(union atom, 2 * (size_t)view.n + 1);
    values = keys + view.n;
    for (uint32_t i = 0; i < view.n; i++) {
        if (element_survives(db, type, &view, i)) {
            keys[n] = view.keys[i];
            values[n] = view.values ? view.values[i] : keys[n];
            n++;
        }
    }
    *ret_changed = n < view.n;
    if (n < type->n_min) {
        return became_empty(pending, column);
    }
    if (n < view.n) {
        *ret = datum_from_sorted(type, keys, view.values ? values : NULL, n);
    }
    return NULL;
}

// Purges the dangling weak references of one row. Rows that lose a strong reference by that may be
// queued for collection.
static struct ovsdb_error *purge_row(struct txn *txn, struct pending *pending)
{
    for (size_t i = 0; i < pending->table->n_weak && pending->new; i++) {
        const struct column *column = pending->table->weak[i];
        struct row *before;
        union datum datum;
        bool changed = false;
        struct ovsdb_error *error = purge_value(txn->db, pending, column, &datum, &changed);

        if (error) {
            return error;
        }
        if (changed) {
            txn->has_purged = true;
            before = row_clone(pending->new);
            row_set(txn_write(txn, pending->table, pending->entry), column, datum);
            error = count_row(txn, pending, before, pending->new);
            row_unref(before);
            if (error) {
                return error;
            }
        }
    }
    return NULL;
}

static void queue_purge(struct txn *txn, struct pending *pending)
{
    if (!pending->is_purged) {
        pending->is_purged = true;
        push(&txn->purge, &txn->n_purge, &txn->purge_capacity, pending);
    }
}

// Queues the committed rows that refer weakly to a deleted row.
static void queue_referrers(struct txn *txn, const struct pending *deleted)
{
    struct weak_set *set = table_find_weak_set(deleted->table, deleted->uuid);
    struct entry *source;

    assert(set); // entry->is_weakly_referenced says so
    HTABLE_FOREACH(source, &set->sources)
    {
        struct table *table = db_table_of(txn->db, source->row->table);

        if (entry_visible(source)) {
            queue_purge(txn, txn_touch(txn, table, source));
        }
    }
}

static bool row_dangles(struct txn *txn, struct pending *pending)
{
    struct side side = {.txn = txn, .source = pending};

    for (size_t i = 0; i < pending->table->n_weak && !side.dangles; i++) {
        side.column = pending->table->weak[i];
        diff_column(&side, pending->old, pending->new, base_type_is_weak_ref, check_weak);
    }
    return side.dangles;
}

static struct ovsdb_error *purge_all(struct txn *txn)
{
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < txn->n_pending; i++) {
        struct pending *pending = txn_pending(txn, i);

        if (!pending->new && pending->entry->is_weakly_referenced) {
            queue_referrers(txn, pending);
        } else if (pending->new && pending->new != pending->old && row_dangles(txn, pending)) {
            queue_purge(txn, pending);
        }
    }
    while (txn->n_purge && !error) {
        struct pending *pending = txn->purge[--txn->n_purge];

        assert(pending->is_purged);
        pending->is_purged = false;
        error = purge_row(txn, pending);
    }
    return error;
}

struct ovsdb_error *references_settle(struct txn *txn)
{
    struct ovsdb_error *error;
    size_t n;

    assert(!txn->n_queue && !txn->n_purge);
    error = count_all(txn);
    n = txn->n_pending;

    error = error ? error : check_deleted(txn);
    // Rows of non-root tables need a reference, inserted rows as well.
    for (size_t i = 0; i < n && !error; i++) {
        queue_if_unused(txn, txn_pending(txn, i));
    }
    do {
        if (!error) {
            collect_unused(txn);
            error = txn_step(txn);
            error = error ? error : purge_all(txn);
        }
    } while (!error && txn->n_queue);
    return error;
}

// Weak referrers

struct target {
    struct table *table;
    struct uuid uuid;
};

struct targets {
    struct target *list;
    size_t n, capacity;
};

static int target_compare(const void *a_, const void *b_)
{
    const struct target *a = a_, *b = b_;

    if (a->table != b->table) {
        return a->table < b->table ? -1 : 1;
    }
    return uuid_compare(a->uuid, b->uuid);
}

static void add_targets(struct targets *targets, struct db *db, const struct base_type *base,
                        const union atom *atoms, uint32_t n)
{
    for (uint32_t i = 0; i < n && base_type_is_weak_ref(base); i++) {
        GROW(targets->list, targets->n, targets->capacity);
        targets->list[targets->n++] =
            (struct target){db_table_of(db, base->uuid.ref_table), atoms[i].uuid};
    }
}

// Finds all rows that `row` refers to weakly: each once, sorted by target_compare().
static void find_targets(struct targets *targets, struct db *db, const struct table *table,
                         const struct row *row)
{
    size_t n = 0;

    for (size_t i = 0; row && i < table->n_weak; i++) {
        const struct column *column = table->weak[i];
        struct view view;

        view_init(&view, row, column);
        add_targets(targets, db, &column->type.key, view.keys, view.n);
        add_targets(targets, db, &column->type.value, view.values, view.n);
    }
    if (targets->n) {
        qsort(targets->list, targets->n, sizeof(*targets->list), target_compare);
        for (size_t i = 1; i < targets->n; i++) {
            if (target_compare(&targets->list[n], &targets->list[i])) {
                targets->list[++n] = targets->list[i];
            }
        }
        targets->n = n + 1;
    }
}

static bool weak_columns_same(const struct table *table, const struct row *old,
                              const struct row *new)
{
    for (size_t i = 0; i < table->n_weak; i++) {
        if (!is_same(old, new, table->weak[i])) {
            return false;
        }
    }
    return true;
}

void references_swap_weak(struct db *db, struct entry *entry, const struct row *old,
                          const struct row *new)
{
    struct table *table = db_table_of(db, (new ? new : old)->table);
    struct targets from = {0}, to = {0};

    if (weak_columns_same(table, old, new)) {
        return;
    }
    find_targets(&from, db, table, old);
    find_targets(&to, db, table, new);
    for (size_t i = 0, j = 0; i < from.n || j < to.n;) {
        int cmp = i == from.n ? 1 : j == to.n ? -1 : target_compare(&from.list[i], &to.list[j]);

        if (cmp < 0) {
            const struct target *target = &from.list[i];

            assert(db->n_weak_refs);
            table_remove_weak(target->table, table_find_entry(target->table, target->uuid), entry);
            db->n_weak_refs--;
        } else if (cmp > 0) {
            const struct target *target = &to.list[j];

            table_add_weak(target->table, table_find_entry(target->table, target->uuid), entry);
            db->n_weak_refs++;
        }
        i += cmp <= 0;
        j += cmp >= 0;
    }
    free(from.list);
    free(to.list);
}

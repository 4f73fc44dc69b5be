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

// All elements of a value are looked at if it has fewer than so many for each row of the
// transaction.
#define PURGE_BY_SCAN 8

// One side, keys or values, of a column that refers to rows of `target`.
struct side {
    struct txn *txn;
    struct pending *source;
    const struct column *column;
    bool is_value;
    struct table *target;
    struct ovsdb_error *error; // the first
    bool dangles;              // a new weak reference leads to a row that does not exist
    struct lost_and_gained *targets;
};

typedef bool base_type_is_fn(const struct base_type *base);
typedef void side_fn(struct side *side, struct uuid target, int delta);

static void visit_change(struct side *side, const union atom *before, const union atom *after,
                         side_fn *visit)
{
    if (before && after && uuid_equals(before->uuid, after->uuid)) {
        return;
    }
    if (before) {
        visit(side, before->uuid, -1);
    }
    if (after) {
        visit(side, after->uuid, 1);
    }
}

// The value in a row; empty if the row is NULL.
static union datum value_of(const struct row *row, const struct column *column)
{
    return row ? row_get(row, column) : DATUM_EMPTY;
}

// Calls `visit` with -1 for each reference of `old` that `new` does not have, and with +1 for each
// reference of `new` that `old` does not have.
static void diff_side(struct side *side, const struct row *old, const struct row *new,
                      side_fn *visit)
{
    const struct type *type = &side->column->type;
    union datum a = value_of(old, side->column), b = value_of(new, side->column);
    struct elems_delta delta;

    if (type_is_scalar(type)) {
        visit_change(side, old ? &a.scalar : NULL, new ? &b.scalar : NULL, visit);
        return;
    }
    datum_delta_start(a, b, type, &delta);
    while (elems_delta_next(&delta)) {
        visit_change(side, side->is_value ? delta.old_value : delta.old_key,
                     side->is_value ? delta.new_value : delta.new_key, visit);
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

static bool dangles(const struct db *db, const struct base_type *base, const union atom *atom)
{
    return base_type_is_weak_ref(base) &&
           !is_visible(db_table_of(db, base->uuid.ref_table), atom->uuid);
}

static struct ovsdb_error *became_empty(const struct pending *pending, const struct column *column)
{
    char uuid[UUID_TEXT_SIZE];

    return error_new(ERROR_CONSTRAINT,
                     "column %s of row %s in table %s would have too few elements without its weak "
                     "references to rows that are deleted or do not exist",
                     column->name, uuid_text(pending->uuid, uuid), pending->table->schema->name);
}

// Keys of elements to remove, borrowed.
struct keys {
    union atom *list;
    size_t n, capacity;
};

static void keys_add(struct keys *keys, union atom key)
{
    GROW(keys->list, keys->n, keys->capacity);
    keys->list[keys->n++] = key;
}

// Finds the dangling elements by looking at all of them.
static void find_dangling(const struct db *db, const struct type *type, const union datum *value,
                          struct keys *ret)
{
    struct elems_cursor cursor;

    for (datum_start(value, type, &cursor); cursor.key; elems_next(&cursor)) {
        if (dangles(db, &type->key, cursor.key) ||
            (cursor.value && dangles(db, &type->value, cursor.value))) {
            keys_add(ret, *cursor.key);
        }
    }
}

// The same for a set of weak references, or a map with such keys only: an element of the committed
// value dangles only if this transaction deletes its target. O(deleted rows * log n).
static void find_dangling_keys(const struct txn *txn, const struct pending *pending,
                               const struct column *column, struct keys *ret)
{
    const struct type *type = &column->type;
    const struct table *target = db_table_of(txn->db, type->key.uuid.ref_table);
    union datum old = value_of(pending->old, column), new = row_get(pending->new, column);
    struct elems_delta delta;

    for (size_t i = 0; i < txn->n_pending; i++) {
        const struct pending *other = txn_pending(txn, i);
        union atom key = {.uuid = other->uuid};

        if (other->table == target && !other->new &&datum_find(&old, type, key, NULL) &&
            datum_find(&new, type, key, NULL)) {
            keys_add(ret, key);
        }
    }
    datum_delta_start(old, new, type, &delta);
    while (elems_delta_next(&delta)) {
        if (delta.new_key && !delta.old_key && dangles(txn->db, &type->key, delta.new_key)) {
            keys_add(ret, *delta.new_key);
        }
    }
}

// The value without the elements that have these keys, which are in any order.
static union datum without_keys(const struct type *type, const struct keys *keys, union datum value)
{
    struct type set = {.key = type->key, .n_max = UINT32_MAX};
    struct ovsdb_error *error;
    union datum removed, result;

    for (size_t i = 0; i < keys->n; i++) {
        atom_copy(keys->list[i], set.key.type);
    }
    error = datum_build(&set, keys->list, NULL, (uint32_t)keys->n, &removed);
    assert(!error); // each key is found once
    result = datum_subtract(value, removed, type, true);
    datum_done(removed, &set);
    return result;
}

// Sets *ret to the value without its dangling elements, and *ret_changed to true, if there are any.
static struct ovsdb_error *purge_value(const struct txn *txn, const struct pending *pending,
                                       const struct column *column, union datum *ret,
                                       bool *ret_changed)
{
    const struct type *type = &column->type;
    union datum value = row_get(pending->new, column);
    uint32_t n = datum_n(value, type);
    struct keys keys = {0};
    bool is_too_short;

    if (!type_is_scalar(type) && !base_type_is_weak_ref(&type->value) &&
        txn->n_pending < n / PURGE_BY_SCAN) {
        find_dangling_keys(txn, pending, column, &keys);
    } else {
        find_dangling(txn->db, type, &value, &keys);
    }
    assert(keys.n <= n);
    is_too_short = n - keys.n < type->n_min;
    *ret_changed = keys.n;
    if (keys.n && !is_too_short) {
        *ret = without_keys(type, &keys, value);
    }
    free(keys.list);
    return is_too_short ? became_empty(pending, column) : NULL;
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
        struct ovsdb_error *error = purge_value(txn, pending, column, &datum, &changed);

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
    bool is_kept; // the other version of the row refers to it too
};

// Rows that only one of two versions of a row refers to.
struct targets {
    struct target *list;
    size_t n, capacity;
};

struct lost_and_gained {
    struct targets lost, gained;
};

static int target_compare(const void *a_, const void *b_)
{
    const struct target *a = a_, *b = b_;

    if (a->table != b->table) {
        return a->table < b->table ? -1 : 1;
    }
    return uuid_compare(a->uuid, b->uuid);
}

// Sorts the targets and drops repeated ones.
static void targets_sort(struct targets *targets)
{
    size_t n = 0;

    if (!targets->n) {
        return;
    }
    qsort(targets->list, targets->n, sizeof(*targets->list), target_compare);
    for (size_t i = 1; i < targets->n; i++) {
        if (target_compare(&targets->list[n], &targets->list[i])) {
            targets->list[++n] = targets->list[i];
        }
    }
    targets->n = n + 1;
}

static void add_target(struct side *side, struct uuid target, int delta)
{
    struct targets *targets = delta < 0 ? &side->targets->lost : &side->targets->gained;

    GROW(targets->list, targets->n, targets->capacity);
    targets->list[targets->n++] = (struct target){side->target, target, false};
}

// Marks the targets to which the keys of a column refer.
static void keep_keys(struct targets *targets, const struct table *table, const struct type *type,
                      const union datum *value)
{
    for (size_t i = 0; i < targets->n; i++) {
        struct target *target = &targets->list[i];

        if (target->table == table &&
            datum_find(value, type, (union atom){.uuid = target->uuid}, NULL)) {
            target->is_kept = true;
        }
    }
}

// The same for the values of a map, which are not sorted.
static void keep_values(struct targets *targets, struct table *table, const struct type *type,
                        const union datum *value)
{
    struct elems_cursor cursor;

    for (datum_start(value, type, &cursor); cursor.key; elems_next(&cursor)) {
        struct target key = {table, cursor.value->uuid, false};
        struct target *target =
            bsearch(&key, targets->list, targets->n, sizeof(key), target_compare);

        if (target) {
            target->is_kept = true;
        }
    }
}

// Marks the targets to which `row` refers in any of its columns. O(targets * log n), but O(n) for a
// map with weak values.
static void targets_keep(struct targets *targets, struct db *db, const struct table *table,
                         const struct row *row)
{
    for (size_t i = 0; row && targets->n && i < table->n_weak; i++) {
        const struct type *type = &table->weak[i]->type;
        union datum value = row_get(row, table->weak[i]);

        if (base_type_is_weak_ref(&type->key)) {
            keep_keys(targets, db_table_of(db, type->key.uuid.ref_table), type, &value);
        }
        if (base_type_is_weak_ref(&type->value)) {
            keep_values(targets, db_table_of(db, type->value.uuid.ref_table), type, &value);
        }
    }
}

void references_swap_weak(struct txn *txn, struct pending *pending)
{
    const struct table *table = pending->table;
    struct lost_and_gained targets = {0};
    struct side side = {.txn = txn, .source = pending, .targets = &targets};
    struct db *db = txn->db;

    for (size_t i = 0; i < table->n_weak; i++) {
        side.column = table->weak[i];
        diff_column(&side, pending->old, pending->new, base_type_is_weak_ref, add_target);
    }
    targets_sort(&targets.lost);
    targets_sort(&targets.gained);
    targets_keep(&targets.lost, db, table, pending->new);
    targets_keep(&targets.gained, db, table, pending->old);
    for (size_t i = 0; i < targets.lost.n; i++) {
        const struct target *target = &targets.lost.list[i];

        if (!target->is_kept) {
            assert(db->n_weak_refs);
            table_remove_weak(target->table, table_find_entry(target->table, target->uuid),
                              pending->entry);
            db->n_weak_refs--;
        }
    }
    for (size_t i = 0; i < targets.gained.n; i++) {
        const struct target *target = &targets.gained.list[i];

        if (!target->is_kept) {
            table_add_weak(target->table, table_find_entry(target->table, target->uuid),
                           pending->entry);
            db->n_weak_refs++;
        }
    }
    free(targets.lost.list);
    free(targets.gained.list);
}

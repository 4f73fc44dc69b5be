// SPDX-License-Identifier: Apache-2.0
#include "engine/row.h"

// row_get() copies one word, or two, of a datum.
static_assert(sizeof(union datum) == 2 * sizeof(uint64_t), "a datum is one or two words");
static_assert(sizeof(struct uuid) == sizeof(union datum), "a UUID fills a datum");

// True if the default is not all zero bits: a string, or a set or map that must not be empty.
static bool column_has_default_value(const struct column *column)
{
    const struct type *type = &column->type;

    return type->n_min && !type_is_plain(type);
}

static size_t row_size(const struct table_schema *table)
{
    return sizeof(struct row) + table->n_words * sizeof(uint64_t);
}

static void put(struct row *row, const struct column *column, union datum datum)
{
    memcpy(&row->words[column->offset], &datum, column->n_words * sizeof(uint64_t));
}

struct row *row_new(const struct table_schema *table, struct uuid uuid)
{
    struct row *row = xcalloc(1, row_size(table));

    row->refs = 1;
    row->table = table;
    row->uuid = uuid;
    for (uint16_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        const struct column *column = &table->columns[i];

        if (column_has_default_value(column)) {
            put(row, column, datum_default(&column->type));
        }
    }
    return row;
}

struct row *row_clone(const struct row *row)
{
    const struct table_schema *table = row->table;
    struct row *copy = xmemdup(row, row_size(table));

    copy->refs = 1;
    copy->seq = 0;
    for (uint16_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        const struct column *column = &table->columns[i];

        if (!type_is_plain(&column->type)) {
            put(copy, column, datum_copy(row_get(row, column), &column->type));
        }
    }
    return copy;
}

void row_free(struct row *row)
{
    const struct table_schema *table = row->table;

    assert(!row->refs);
    for (uint16_t i = COLUMN_VERSION + 1; i < table->n_columns; i++) {
        const struct column *column = &table->columns[i];

        if (!type_is_plain(&column->type)) {
            datum_done(row_get(row, column), &column->type);
        }
    }
    free(row);
}

static uint64_t version_key;
static bool has_version_key;

uint64_t row_version_key(void)
{
    return version_key;
}

void row_init_version_key(uuid_source *new_uuid)
{
    if (!has_version_key) {
        row_set_version_key(new_uuid().lo);
    }
}

void row_set_version_key(uint64_t key)
{
    version_key = key;
    has_version_key = true;
}

struct uuid row_version(const struct row *row)
{
    uint64_t key = version_key;
    uint64_t hi = hash_mix(row->seq ^ row->uuid.hi ^ hash_mix(row->uuid.lo ^ key));
    uint64_t lo = hash_mix(hi ^ row->uuid.lo ^ hash_mix(row->seq ^ key));

    return (struct uuid){(hi & ~0xf000ull) | 0x4000, (lo & ~(3ull << 62)) | (2ull << 62)};
}

void row_set(struct row *row, const struct column *column, union datum datum)
{
    assert(column->index > COLUMN_VERSION && column->index < row->table->n_columns);
    if (!type_is_plain(&column->type)) {
        datum_done(row_get(row, column), &column->type);
    }
    put(row, column, datum);
}

static size_t atom_memory(const union atom *atom, enum atom_type type)
{
    return atom && type == ATOM_STRING ? sizeof(struct text) + atom->string->size : 0;
}

// The nodes of a value that `other` does not share, and the strings of its elements that `other`
// does not have. So the difference between value_memory(a, b) and value_memory(b, a) is that
// between the whole values.
static size_t value_memory(union datum datum, union datum other, const struct type *type)
{
    struct elems_delta delta;
    size_t size = 0;

    if (type_is_scalar(type)) {
        return sizeof(union atom) + atom_memory(&datum.scalar, type->key.type);
    }
    datum_delta_start(other, datum, type, &delta);
    while (elems_delta_next(&delta)) {
        size += atom_memory(delta.new_key, type->key.type) +
                atom_memory(delta.new_value, type->value.type);
    }
    return size + delta.new.size;
}

size_t row_memory(const struct row *row, const struct row *other)
{
    size_t size = row_size(row->table);

    for (uint16_t i = COLUMN_VERSION + 1; i < row->table->n_columns; i++) {
        const struct column *column = &row->table->columns[i];

        // Values that both versions share are not counted.
        if (!type_is_plain(&column->type) &&
            (!other || row->words[column->offset] != other->words[column->offset])) {
            size += value_memory(row_get(row, column), other ? row_get(other, column) : DATUM_EMPTY,
                                 &column->type);
        }
    }
    return size;
}

bool row_equals(const struct row *a, const struct row *b)
{
    assert(a->table == b->table);
    for (uint16_t i = COLUMN_VERSION + 1; i < a->table->n_columns; i++) {
        const struct column *column = &a->table->columns[i];
        size_t size = column->n_words * sizeof(uint64_t);

        if (memcmp(&a->words[column->offset], &b->words[column->offset], size) &&
            !datum_equals(row_get(a, column), row_get(b, column), &column->type)) {
            return false;
        }
    }
    return true;
}

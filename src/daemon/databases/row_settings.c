// SPDX-License-Identifier: Apache-2.0
#include "daemon/databases/row_settings.h"

#include "engine/db.h"

// The first value of a column of this type, stored in `datum`; NULL if there is none.
static const union atom *first_value(const struct row *row, const char *column, enum atom_type type,
                                     union datum *datum)
{
    const struct column *found = table_schema_find_column(row->table, slice_of(column));

    if (!found || found->type.key.type != type || type_is_map(&found->type)) {
        return NULL;
    }
    *datum = row_get(row, found);
    return datum_first(datum, &found->type);
}

const char *row_string(const struct row *row, const char *column)
{
    union datum datum;
    const union atom *value = first_value(row, column, ATOM_STRING, &datum);

    return value ? value->string->data : NULL;
}

bool row_integer(const struct row *row, const char *column, int64_t *ret)
{
    union datum datum;
    const union atom *value = first_value(row, column, ATOM_INTEGER, &datum);

    if (value) {
        *ret = value->integer;
    }
    return value;
}

bool row_is_true(const struct row *row, const char *column)
{
    union datum datum;
    const union atom *value = first_value(row, column, ATOM_BOOLEAN, &datum);

    return value && value->boolean;
}

const char *row_map_string(const struct row *row, const char *column, const char *key)
{
    const struct column *found = table_schema_find_column(row->table, slice_of(column));
    const union atom *value = NULL;
    struct text *text;
    union datum map;

    if (!found || found->type.key.type != ATOM_STRING || found->type.value.type != ATOM_STRING) {
        return NULL;
    }
    map = row_get(row, found);
    text = text_new(slice_of(key));
    datum_find(&map, &found->type, (union atom){.string = text}, &value);
    text_unref(text);
    return value ? value->string->data : NULL;
}

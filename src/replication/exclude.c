// SPDX-License-Identifier: Apache-2.0
#include "replication/exclude.h"

#include <assert.h>

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void exclude_done(struct exclude *exclude)
{
    for (size_t i = 0; i < exclude->n_names; i++) {
        free(exclude->names[i]);
    }
    free(exclude->names);
    *exclude = (struct exclude){.n_names = 0};
}

static bool is_db_and_table(struct slice name)
{
    const char *colon = name.size ? memchr(name.data, ':', name.size) : NULL;

    return colon && colon > name.data && colon + 1 < name.data + name.size &&
           !memchr(colon + 1, ':', name.data + name.size - colon - 1);
}

static void exclude_add(struct exclude *exclude, struct slice name)
{
    exclude->names = xreallocarray(exclude->names, exclude->n_names + 1, sizeof(*exclude->names));
    exclude->names[exclude->n_names++] = xstrndup(name.data, name.size);
}

static void exclude_sort(struct exclude *exclude)
{
    size_t n = 0;

    if (exclude->n_names) {
        qsort(exclude->names, exclude->n_names, sizeof(*exclude->names), compare_names);
    }
    for (size_t i = 0; i < exclude->n_names; i++) {
        if (n && !strcmp(exclude->names[n - 1], exclude->names[i])) {
            free(exclude->names[i]);
        } else {
            exclude->names[n++] = exclude->names[i];
        }
    }
    exclude->n_names = n;
}

bool exclude_parse(struct exclude *exclude, const char *text, char **ret_bad)
{
    struct exclude parsed = {.n_names = 0};

    while (*text) {
        struct slice name = {text, strcspn(text, ",")};

        if (!is_db_and_table(name)) {
            exclude_done(&parsed);
            *ret_bad = xstrndup(name.data, name.size);
            return false;
        }
        exclude_add(&parsed, name);
        text += name.size;
        text += *text == ',';
    }
    exclude_sort(&parsed);
    exclude_done(exclude);
    *exclude = parsed;
    return true;
}

// True if `name`, "DB:TABLE", is of this database.
static bool is_of(const char *name, const char *db)
{
    size_t size = strlen(db);

    return !strncmp(name, db, size) && name[size] == ':';
}

bool exclude_has(const struct exclude *exclude, const char *db, const char *table)
{
    assert(*db && *table);
    for (size_t i = 0; i < exclude->n_names; i++) {
        const char *name = exclude->names[i];

        if (is_of(name, db) && !strcmp(name + strlen(db) + 1, table)) {
            return true;
        }
    }
    return false;
}

bool exclude_is_of(const struct exclude *exclude, const char *db)
{
    for (size_t i = 0; i < exclude->n_names; i++) {
        if (!is_of(exclude->names[i], db)) {
            return false;
        }
    }
    return true;
}

static void put_name(struct buf *buf, const char *name)
{
    buf_printf(buf, "%s%s", buf->size ? "," : "", name);
}

void exclude_put(const struct exclude *exclude, struct buf *buf)
{
    for (size_t i = 0; i < exclude->n_names; i++) {
        put_name(buf, exclude->names[i]);
    }
}

void exclude_put_of(const struct exclude *exclude, const char *db, struct buf *buf)
{
    for (size_t i = 0; i < exclude->n_names; i++) {
        if (is_of(exclude->names[i], db)) {
            put_name(buf, exclude->names[i]);
        }
    }
}

void exclude_put_others(const struct exclude *exclude, const char *db, struct buf *buf)
{
    for (size_t i = 0; i < exclude->n_names; i++) {
        if (!is_of(exclude->names[i], db)) {
            put_name(buf, exclude->names[i]);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Schemas and tables of cases in tests/data, for the tests of the layers from model on.
#pragma once

#include "unit.h"

#include "basic/file.h"
#include "data_folder.h"
#include "model/schema.h"
#include "json/tree.h"

// The text of the file `name` of tests/data. Caller frees.
static inline char *data_text(const char *name)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", DATA_FOLDER, name);
    struct buf text = {0};

    if (file_read(path, &text) < 0) {
        fail_msg("%s cannot be read", path);
    }
    return buf_steal(&text);
}

// The tree of the file `name` of tests/data. The caller's.
static inline json_t *data_tree(const char *name)
{
    _cleanup_free_ char *text = data_text(name);
    char *error = NULL;
    json_t *tree = tree_parse(slice_of(text), &error);

    if (!tree) {
        fail_msg("%s: %s", name, error);
    }
    return tree;
}

// Fails the test if the schema is invalid. The result is the caller's.
static inline struct schema *schema_of_text(const char *text)
{
    struct schema *schema = NULL;
    struct ovsdb_error *error = schema_from_text(slice_of(text), &schema);

    if (error) {
        fail_msg("%s: %s", text, error->details);
    }
    return schema;
}

static inline struct schema *schema_of_tree(const json_t *tree)
{
    _cleanup_free_ char *text = tree_text(tree);

    return schema_of_text(text);
}

static inline struct schema *schema_of_file(const char *name)
{
    _cleanup_free_ char *text = data_text(name);

    return schema_of_text(text);
}

// The schema of the file, for a database called `db`.
static inline struct schema *schema_of_file_named(const char *name, const char *db)
{
    _cleanup_tree_ json_t *tree = data_tree(name);

    json_object_set_new(tree, "name", json_string(db));
    return schema_of_tree(tree);
}

// SPDX-License-Identifier: Apache-2.0
#include "json/tree.h"

#include "json/cursor.h"
#include "json/emit.h"
#include "json/framer.h"

#include <assert.h>
#include <stdlib.h>

static json_t *tree_build(struct cursor *cursor, struct buf *scratch)
{
    json_t *tree;
    struct slice s;
    int64_t integer;
    double real;

    switch (cursor_kind(cursor)) {
    case JSON_KIND_NULL:
        cursor_skip(cursor);
        return json_null();
    case JSON_KIND_FALSE:
    case JSON_KIND_TRUE:
        return json_boolean(*cursor_skip(cursor).data == 't');
    case JSON_KIND_NUMBER:
        if (cursor_number(cursor, &integer, &real)) {
            return json_integer(integer);
        }
        tree = json_real(real);
        return tree ? tree : json_real(real > 0 ? __DBL_MAX__ : -__DBL_MAX__);
    case JSON_KIND_STRING:
        s = cursor_string(cursor, scratch);
        return json_stringn_nocheck(s.data, s.size);
    case JSON_KIND_ARRAY:
        tree = json_array();
        for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
            json_array_append_new(tree, tree_build(cursor, scratch));
        }
        return tree;
    default:
        tree = json_object();
        for (bool more = cursor_enter(cursor); more; more = cursor_more(cursor)) {
            _cleanup_free_ char *name = NULL;

            s = cursor_name(cursor, scratch);
            name = xstrndup(s.data, s.size);
            json_object_set_new_nocheck(tree, name, tree_build(cursor, scratch));
        }
        return tree;
    }
}

json_t *tree_from_text(struct slice value)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    cursor_init(&cursor, value);
    return tree_build(&cursor, &scratch);
}

json_t *tree_parse(struct slice text, char **ret_error)
{
    struct slice value;
    size_t offset, line, column;
    const char *error = framer_check(text, SIZE_MAX, &value, &offset);

    if (error) {
        framer_position(text, offset, &line, &column);
        *ret_error = xasprintf("line %zu, column %zu: %s", line, column, error);
        return NULL;
    }
    return tree_from_text(value);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_object(struct buf *buf, const json_t *tree)
{
    size_t n = 0;
    _cleanup_free_ const char **names = NEW_ARRAY(const char *, json_object_size(tree) + 1);

    for (void *iter = json_object_iter((json_t *)tree); iter;
         iter = json_object_iter_next((json_t *)tree, iter)) {
        names[n++] = json_object_iter_key(iter);
    }
    qsort(names, n, sizeof(*names), compare_names);
    buf_putc(buf, '{');
    for (size_t i = 0; i < n; i++) {
        emit_name(buf, slice_of(names[i]));
        tree_put(buf, json_object_get(tree, names[i]));
    }
    buf_putc(buf, '}');
}

static void put_array(struct buf *buf, const json_t *tree)
{
    buf_putc(buf, '[');
    for (size_t i = 0; i < json_array_size(tree); i++) {
        emit_next(buf);
        tree_put(buf, json_array_get(tree, i));
    }
    buf_putc(buf, ']');
}

void tree_put(struct buf *buf, const json_t *tree)
{
    assert(tree);
    switch (json_typeof(tree)) {
    case JSON_NULL:
        buf_puts(buf, "null");
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        emit_boolean(buf, json_is_true(tree));
        break;
    case JSON_INTEGER:
        emit_integer(buf, json_integer_value(tree));
        break;
    case JSON_REAL:
        emit_real(buf, json_real_value(tree));
        break;
    case JSON_STRING:
        emit_string(buf, (struct slice){json_string_value(tree), json_string_length(tree)});
        break;
    case JSON_ARRAY:
        put_array(buf, tree);
        break;
    case JSON_OBJECT:
        put_object(buf, tree);
        break;
    }
}

char *tree_text(const json_t *tree)
{
    struct buf buf = {0};

    tree_put(&buf, tree);
    return buf_steal(&buf);
}

// SPDX-License-Identifier: Apache-2.0
#include "cluster_unit.h"

void for_each_row(const char *path, size_t min, void (*check)(const json_t *row))
{
    json_t *rows = json_load_file(path, 0, NULL);

    assert_true(json_array_size(rows) >= min);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        check(json_array_get(rows, i));
    }
    json_decref(rows);
}

const char *row_text(const json_t *row, const char *member)
{
    return json_string_value(json_object_get(row, member));
}

void assert_error_of_row(const json_t *row, struct ovsdb_error *error)
{
    const char *expected = row_text(row, "error");

    if (!expected != !error ||
        (error && strncmp(error->details, expected, strlen(expected)) != 0)) {
        fail_msg("%s: %s, not %s", row_text(row, "what"), error ? error->details : "no error",
                 expected ? expected : "no error");
    }
    error_free(error);
}

static struct ovsdb_error *add_record(struct member_log *log, const json_t *json)
{
    char *text = tree_text(json);
    struct file_record record = {0};
    struct ovsdb_error *error = file_record_decode(slice_of(text), &record);

    assert_null(error);
    error = member_log_add(log, &record);
    file_record_done(&record);
    free(text); // the log has copies
    return error;
}

struct ovsdb_error *make_log(const json_t *records, struct member_log **ret)
{
    _cleanup_member_log_ struct member_log *log = NULL;
    char *text = tree_text(json_array_get(records, 0));
    struct ovsdb_error *error;
    struct file_header header;

    assert_null(file_header_decode(slice_of(text), &header));
    log = member_log_new(header);
    free(text);
    for (size_t i = 1; i < json_array_size(records); i++) {
        error = add_record(log, json_array_get(records, i));
        if (error) {
            return error;
        }
    }
    *ret = TAKE_PTR(log);
    return NULL;
}

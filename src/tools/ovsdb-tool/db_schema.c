// SPDX-License-Identifier: Apache-2.0
#include "tools/ovsdb-tool/db_schema.h"

#include "store/record.h"
#include "tools/tool.h"

struct schema *db_schema_read(struct reader *reader)
{
    struct reader_record record;
    struct schema *schema;
    struct slice text;

    switch (reader_next(reader, &record)) {
    case READER_RECORD:
        tool_check(record_check(record.text, &text));
        tool_check(schema_from_text(text, &schema));
        return schema;
    case READER_END:
        tool_fail("the file is empty, it should begin with a schema");
    default:
        tool_fail_error(reader_problem(reader));
    }
}

struct schema *db_schema_of_file(const char *path)
{
    _cleanup_reader_ struct reader *reader = NULL;

    tool_check(reader_open(path, &reader));
    return db_schema_read(reader);
}

bool db_is_clustered(const char *path)
{
    _cleanup_reader_ struct reader *reader = NULL;

    tool_check(reader_open_any(path, &reader));
    if (reader_is_clustered(reader)) {
        return true;
    }
    schema_unref(db_schema_read(reader));
    return false;
}

// SPDX-License-Identifier: Apache-2.0
// The verbs of ovsdb-tool that read only schemas, from a schema file or a database file.
#include "model/version.h"
#include "store/cluster_file.h"
#include "tools/ovsdb-tool/db_schema.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/schema_file.h"
#include "tools/tool.h"

#include <stdio.h>

#define EXIT_FALSE 2 // exit status of verbs that test a condition

static struct schema *schema_argument(const struct tool_context *context, int argc, char **argv)
{
    return schema_file_read(argc > 0 ? argv[0] : context->default_schema);
}

static struct schema *db_argument(const struct tool_context *context, int argc, char **argv)
{
    return db_schema_of_file(argc > 0 ? argv[0] : context->default_db);
}

void tool_db_name(const struct tool_context *context, int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : context->default_db;
    _cleanup_cluster_file_ struct cluster_file *file = NULL;
    _cleanup_schema_ struct schema *schema = NULL;

    if (db_is_clustered(path)) {
        tool_check(cluster_file_open(path, NULL, &file));
        puts(cluster_file_log(file)->header.name);
    } else {
        schema = db_schema_of_file(path);
        puts(schema->name);
    }
}

void tool_db_version(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = db_argument(context, argc, argv);

    puts(schema->version);
}

void tool_db_cksum(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = db_argument(context, argc, argv);

    puts(schema->cksum);
}

void tool_schema_name(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = schema_argument(context, argc, argv);

    puts(schema->name);
}

void tool_schema_version(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = schema_argument(context, argc, argv);

    puts(schema->version);
}

void tool_schema_cksum(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = schema_argument(context, argc, argv);

    puts(schema->cksum);
}

void tool_needs_conversion(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *actual = db_argument(context, argc, argv);
    _cleanup_schema_ struct schema *wanted =
        schema_file_read(argc > 1 ? argv[1] : context->default_schema);

    puts(schema_needs_conversion(actual, wanted) ? "yes" : "no");
}

void tool_db_is_standalone(const struct tool_context *context, int argc, char **argv)
{
    if (db_is_clustered(argv[0])) {
        exit(EXIT_FALSE);
    }
}

void tool_db_is_clustered(const struct tool_context *context, int argc, char **argv)
{
    if (!db_is_clustered(argv[0])) {
        exit(EXIT_FALSE);
    }
}

void tool_compare_versions(const struct tool_context *context, int argc, char **argv)
{
    struct version a, b;
    bool result;

    if (!version_parse(argv[0], &a)) {
        tool_fail("%s: not an OVSDB version number in format x.y.z", argv[0]);
    }
    if (!version_parse(argv[2], &b)) {
        tool_fail("%s: not an OVSDB version number in format x.y.z", argv[2]);
    }
    if (!version_test(&a, argv[1], &b, &result)) {
        tool_fail("%s: not a relational operator", argv[1]);
    }
    if (!result) {
        exit(EXIT_FALSE);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "tools/schema_file.h"

#include "store/provision.h"
#include "tools/tool.h"

struct schema *schema_file_read(const char *path)
{
    struct schema *schema;

    tool_check(provision_read_schema(path, &schema));
    return schema;
}

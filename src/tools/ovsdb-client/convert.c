// SPDX-License-Identifier: Apache-2.0
// ovsdb-client convert and needs-conversion: the schema file names the database.
#include "tools/ovsdb-client/background.h"
#include "tools/schema_file.h"
#include "tools/tool.h"

#include <stdio.h>

char *client_database_of_schema(char **argv)
{
    _cleanup_schema_ struct schema *schema = schema_file_read(argv[0]);

    return xstrdup(schema->name);
}

void client_needs_conversion(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *wanted = schema_file_read(argv[0]);
    _cleanup_schema_ struct schema *actual = NULL;

    actual = client_fetch_schema(context);
    puts(schema_needs_conversion(actual, wanted) ? "yes" : "no");
}

void client_convert(struct client_context *context, int argc, char **argv)
{
    _cleanup_schema_ struct schema *schema = schema_file_read(argv[0]);
    _cleanup_buf_ struct buf params = {0};
    _cleanup_buf_ struct buf reply = {0};

    client_put_strings(&params, schema->name, NULL);
    params.size--;
    buf_putc(&params, ',');
    buf_put_slice(&params, text_slice(schema->json));
    buf_putc(&params, ']');
    client_announce_change_aware(context, context->client);
    client_background_when_sent(context);
    // The server does not report how far it is: the elapsed time, unless it is a background job.
    client_show_progress(context->client, !context->service.daemonize.detach);
    client_call_or_fail(context->client, "convert", buf_slice(&params), &reply);
}

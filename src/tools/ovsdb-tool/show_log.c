// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool show-log: prints the records of a database file without building the database. Those
// of a standalone file:
//
//     record N: DATE "COMMENT"                       and rows, see log_printer.h
#include "store/reader.h"
#include "tools/ovsdb-tool/db_schema.h"
#include "tools/ovsdb-tool/log_printer.h"
#include "tools/ovsdb-tool/show_cluster_log.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/tool.h"

#include <inttypes.h>

static noreturn void fail_damaged(const struct log_printer *printer, struct ovsdb_error *error)
{
    _cleanup_free_ char *text = error_text(error);

    error_free(error);
    tool_fail("%s; \"ovsdb-tool check %s\" tells what else is whole", text, printer->path);
}

static void show_schema(struct log_printer *printer, const struct schema *schema)
{
    buf_printf(&printer->out, "record 0: \"%s\" schema, version=\"%s\", cksum=\"", schema->name,
               schema->version);
    tool_put_escaped(&printer->out, slice_of(schema->cksum), true);
    buf_puts(&printer->out, "\"\n\n");
    log_printer_flush(printer);
}

static struct ovsdb_error *show_record(struct log_printer *printer,
                                       const struct reader_record *record)
{
    struct slice text;
    struct ovsdb_error *error = record_check(record->text, &text);

    if (!error) {
        buf_printf(&printer->out, "record %" PRIu64 ":", record->number);
        log_printer_put(printer, text);
        log_printer_flush(printer);
    }
    return error;
}

typedef struct ovsdb_error *show_function(struct log_printer *printer,
                                          const struct reader_record *record);

// Shows the records up to the end of the file.
static void show_records(struct log_printer *printer, struct reader *reader, show_function *show)
{
    struct reader_record record;
    enum reader_status status;

    while ((status = reader_next(reader, &record)) == READER_RECORD) {
        struct ovsdb_error *error = show(printer, &record);

        if (error) {
            error_prefix(error, "%s: record %" PRIu64 " at offset %" PRIu64 ": ", printer->path,
                         record.number, record.offset);
            fail_damaged(printer, error);
        }
    }
    if (status == READER_TORN || status == READER_DAMAGED) {
        fail_damaged(printer, reader_problem(reader));
    }
    if (status != READER_END) {
        tool_fail_error(reader_problem(reader));
    }
}

void tool_show_log(const struct tool_context *context, int argc, char **argv)
{
    _cleanup_reader_ struct reader *reader = NULL;
    struct log_printer printer = {.path = argc > 0 ? argv[0] : context->default_db,
                                  .more = context->more};

    tool_check(reader_open_any(printer.path, &reader));
    if (reader_is_clustered(reader)) {
        show_records(&printer, reader, show_cluster_record);
    } else {
        log_printer_set_schema(&printer, db_schema_read(reader));
        show_schema(&printer, printer.schema);
        show_records(&printer, reader, show_record);
    }
    log_printer_done(&printer);
}

// SPDX-License-Identifier: Apache-2.0
// A line for each member of the record. Server, cluster and transaction ids are cut to four digits.
#include "tools/ovsdb-tool/show_cluster_log.h"

#include "cluster/file_record.h"
#include "tools/tool.h"

#include <inttypes.h>

static void put_quoted(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, " %s: \"", name);
    tool_put_escaped(out, slice_of(text), true);
    buf_puts(out, "\"\n");
}

static void put_id(struct buf *out, const char *name, struct uuid id)
{
    char text[UUID_TEXT_SIZE];

    if (!uuid_is_zero(id)) {
        buf_printf(out, " %s: %.4s\n", name, uuid_text(id, text));
    }
}

static void put_number(struct buf *out, const char *name, uint64_t number)
{
    if (number) {
        buf_printf(out, " %s: %" PRIu64 "\n", name, number);
    }
}

static void put_servers(struct buf *out, const char *name, const struct servers *servers)
{
    if (!servers->n) {
        return;
    }
    buf_printf(out, " %s: ", name);
    for (size_t i = 0; i < servers->n; i++) {
        char text[UUID_TEXT_SIZE];

        buf_printf(out, "%s%.4s(\"", i ? ", " : "", uuid_text(servers->list[i].id, text));
        tool_put_escaped(out, slice_of(servers->list[i].address), true);
        buf_puts(out, "\")");
    }
    buf_putc(out, '\n');
}

static struct ovsdb_error *put_schema(struct log_printer *printer, const char *name,
                                      struct slice text)
{
    struct schema *schema;
    struct ovsdb_error *error = schema_from_text(text, &schema);

    if (error) {
        return error;
    }
    buf_printf(&printer->out, " %s: \"%s\", version=\"%s\", cksum=\"", name, schema->name,
               schema->version);
    tool_put_escaped(&printer->out, slice_of(schema->cksum), true);
    buf_puts(&printer->out, "\"\n");
    log_printer_set_schema(printer, schema);
    return NULL;
}

// Ends the record with its transaction, or with an empty line.
static struct ovsdb_error *put_data(struct log_printer *printer, const char *schema_name,
                                    struct slice json)
{
    struct entry_data data = {0};
    struct ovsdb_error *error = json.data ? entry_data_decode(json, &data) : NULL;

    if (!error && data.schema.data) {
        error = put_schema(printer, schema_name, data.schema);
    }
    if (!error && data.transaction.data) {
        log_printer_put(printer, data.transaction);
    } else if (!error) {
        buf_putc(&printer->out, '\n');
    }
    return error;
}

static struct ovsdb_error *put_header(struct log_printer *printer, const struct file_header *header)
{
    struct buf *out = &printer->out;

    put_quoted(out, "name", header->name);
    put_quoted(out, "local address", header->local_address);
    put_id(out, "server_id", header->server_id);
    put_id(out, "cluster_id", header->cluster_id);
    if (!file_header_is_member(header)) {
        buf_puts(out, " remote_addresses:");
        for (size_t i = 0; i < header->n_remote_addresses; i++) {
            buf_putc(out, ' ');
            tool_put_escaped(out, slice_of(header->remote_addresses[i]), true);
        }
        buf_putc(out, '\n');
    }
    put_number(out, "prev_index", header->prev_index);
    put_number(out, "prev_term", header->prev_term);
    put_servers(out, "prev_servers", &header->prev_servers);
    put_number(out, "prev_election_timer", header->prev_election_timer);
    put_id(out, "prev_eid", header->prev_eid);
    return put_data(printer, "prev_schema", header->prev_data);
}

static struct ovsdb_error *put_record(struct log_printer *printer, const struct file_record *record)
{
    const struct log_entry *entry = &record->entry;
    struct buf *out = &printer->out;

    if (record->comment) {
        put_quoted(out, "comment", record->comment);
    }
    if (record->note) {
        put_quoted(out, "note", record->note);
    }
    put_number(out, "commit_index", record->commit_index);
    put_number(out, "term", record->kind == FILE_RECORD_ENTRY ? entry->term : record->term);
    put_id(out, record->kind == FILE_RECORD_VOTE ? "vote" : "leader", record->server);
    put_number(out, "index", entry->index);
    put_servers(out, "servers", &entry->servers);
    put_number(out, "election_timer", entry->election_timer);
    put_id(out, "eid", entry->eid);
    return put_data(printer, "schema", entry->data);
}

static struct ovsdb_error *put_any(struct log_printer *printer, uint64_t number, struct slice text)
{
    struct file_header header = {0};
    struct file_record record = {0};
    struct ovsdb_error *error;

    if (!number) {
        error = file_header_decode(text, &header);
        error = error ? error : put_header(printer, &header);
    } else {
        error = file_record_decode(text, &record);
        error = error ? error : put_record(printer, &record);
    }
    file_header_done(&header);
    file_record_done(&record);
    return error;
}

struct ovsdb_error *show_cluster_record(struct log_printer *printer,
                                        const struct reader_record *record)
{
    struct slice text;
    struct ovsdb_error *error = record_check(record->text, &text);

    if (!error) {
        buf_printf(&printer->out, "record %" PRIu64 ":\n", record->number);
        error = put_any(printer, record->number, text);
    }
    if (!error) {
        log_printer_flush(printer);
    }
    return error;
}

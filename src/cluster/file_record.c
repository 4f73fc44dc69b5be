// SPDX-License-Identifier: Apache-2.0
#include "cluster/file_record.h"

#include "cluster/fields.h"
#include "json/cursor.h"

static void decode_entry(struct fields *fields, struct log_entry *entry)
{
    struct entry_data data;
    struct slice value;

    entry->term = fields_uint64(fields, FIELD_TERM, true);
    entry->index = fields_uint64(fields, FIELD_INDEX, true);
    entry->election_timer = fields_uint64(fields, FIELD_ELECTION_TIMER, false);
    if (!fields->error && (!entry->term || !entry->index)) {
        fields_fail(fields, entry->term ? FIELD_INDEX : FIELD_TERM,
                    error_new(ERROR_SYNTAX, "at least 1 is expected"));
    }
    value = fields_value(fields, FIELD_SERVERS, false);
    if (value.data) {
        fields_fail(fields, FIELD_SERVERS, servers_decode(value, &entry->servers));
    }
    entry->data = fields_value(fields, FIELD_DATA, false);
    if (entry->data.data) {
        fields_fail(fields, FIELD_DATA, entry_data_decode(entry->data, &data));
        entry->eid = fields_uuid(fields, FIELD_EID, true);
    }
}

struct ovsdb_error *log_entry_decode(struct slice json, struct log_entry *ret)
{
    struct log_entry entry = {0};
    struct ovsdb_error *error;
    struct fields fields;

    if (json_kind_of(json) != JSON_KIND_OBJECT) {
        return error_syntax(json, "an entry must be an object");
    }
    fields_begin(&fields, json, "the entry");
    decode_entry(&fields, &entry);
    error = fields_end(&fields);
    if (error) {
        servers_done(&entry.servers);
        return error;
    }
    *ret = entry;
    return NULL;
}

static enum file_record_kind kind_of(const struct fields *fields)
{
    static const struct {
        enum field field;
        enum file_record_kind kind;
    } kinds[] = {
        {FIELD_NOTE, FILE_RECORD_NOTE},   {FIELD_COMMIT_INDEX, FILE_RECORD_COMMIT_INDEX},
        {FIELD_VOTE, FILE_RECORD_VOTE},   {FIELD_LEADER, FILE_RECORD_LEADER},
        {FIELD_INDEX, FILE_RECORD_ENTRY},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (fields_has(fields, kinds[i].field)) {
            return kinds[i].kind;
        }
    }
    return FILE_RECORD_TERM;
}

static void decode_by_kind(struct fields *fields, struct file_record *record)
{
    switch (record->kind) {
    case FILE_RECORD_ENTRY:
        decode_entry(fields, &record->entry);
        break;
    case FILE_RECORD_TERM:
        record->term = fields_uint64(fields, FIELD_TERM, true);
        break;
    case FILE_RECORD_VOTE:
    case FILE_RECORD_LEADER:
        record->term = fields_uint64(fields, FIELD_TERM, true);
        record->server =
            fields_uuid(fields, record->kind == FILE_RECORD_VOTE ? FIELD_VOTE : FIELD_LEADER, true);
        break;
    case FILE_RECORD_COMMIT_INDEX:
        record->commit_index = fields_uint64(fields, FIELD_COMMIT_INDEX, true);
        record->term = fields_uint64(fields, FIELD_TERM, false);
        break;
    case FILE_RECORD_NOTE:
        record->note = fields_string(fields, FIELD_NOTE, true);
        break;
    }
}

struct ovsdb_error *file_record_decode(struct slice record, struct file_record *ret)
{
    struct file_record decoded = {0};
    struct ovsdb_error *error;
    struct fields fields;

    fields_begin(&fields, record, "the record");
    decoded.kind = kind_of(&fields);
    decoded.comment = fields_string(&fields, FIELD_COMMENT, false);
    decode_by_kind(&fields, &decoded);
    error = fields_end(&fields);
    if (error) {
        file_record_done(&decoded);
        return error;
    }
    *ret = decoded;
    return NULL;
}

static void put_entry(struct buf *buf, const struct log_entry *entry)
{
    assert(entry->term && entry->index);
    assert(!entry->data.data == uuid_is_zero(entry->eid));
    if (entry->data.data) {
        field_put_text(buf, FIELD_DATA, entry->data);
        field_put_uuid(buf, FIELD_EID, entry->eid);
    }
    if (entry->election_timer) {
        field_put_uint64(buf, FIELD_ELECTION_TIMER, entry->election_timer);
    }
    field_put_uint64(buf, FIELD_INDEX, entry->index);
    if (entry->servers.n) {
        field_put_name(buf, FIELD_SERVERS);
        servers_put(buf, &entry->servers);
    }
    field_put_uint64(buf, FIELD_TERM, entry->term);
}

void log_entry_put(struct buf *buf, const struct log_entry *entry)
{
    buf_putc(buf, '{');
    put_entry(buf, entry);
    buf_putc(buf, '}');
}

void file_record_put(struct buf *buf, const struct file_record *record)
{
    buf_putc(buf, '{');
    if (record->comment) {
        field_put_string(buf, FIELD_COMMENT, record->comment);
    }
    switch (record->kind) {
    case FILE_RECORD_ENTRY:
        put_entry(buf, &record->entry);
        break;
    case FILE_RECORD_TERM:
        field_put_uint64(buf, FIELD_TERM, record->term);
        break;
    case FILE_RECORD_VOTE:
        field_put_uint64(buf, FIELD_TERM, record->term);
        field_put_uuid(buf, FIELD_VOTE, record->server);
        break;
    case FILE_RECORD_LEADER:
        field_put_uuid(buf, FIELD_LEADER, record->server);
        field_put_uint64(buf, FIELD_TERM, record->term);
        break;
    case FILE_RECORD_COMMIT_INDEX:
        // Without the term, which programs of other implementations do not accept here.
        field_put_uint64(buf, FIELD_COMMIT_INDEX, record->commit_index);
        break;
    case FILE_RECORD_NOTE:
        field_put_string(buf, FIELD_NOTE, record->note);
        break;
    }
    buf_putc(buf, '}');
}

void file_record_done(struct file_record *record)
{
    free(record->comment);
    free(record->note);
    servers_done(&record->entry.servers);
    *record = (struct file_record){0};
}

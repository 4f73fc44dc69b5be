// SPDX-License-Identifier: Apache-2.0
#include "cluster/file_header.h"

#include "cluster/fields.h"
#include "model/id.h"
#include "json/cursor.h"
#include "json/emit.h"

static struct ovsdb_error *decode_part(struct slice json, const char *what, struct slice *ret)
{
    switch (json_kind_of(json)) {
    case JSON_KIND_NULL:
        *ret = SLICE_EMPTY;
        return NULL;
    case JSON_KIND_OBJECT:
        *ret = json;
        return NULL;
    default:
        return error_syntax(json, "the %s must be an object or null", what);
    }
}

struct ovsdb_error *entry_data_decode(struct slice json, struct entry_data *ret)
{
    struct entry_data data = {0};
    struct ovsdb_error *error;
    struct slice parts[2];

    if (json_cut(json, parts, 2) != 2) {
        return error_syntax(json, "an array of a schema and a transaction is expected");
    }
    error = decode_part(parts[0], "schema", &data.schema);
    error = error ? error : decode_part(parts[1], "transaction", &data.transaction);
    if (!error) {
        *ret = data;
    }
    return error;
}

static struct ovsdb_error *decode_addresses(struct slice json, struct file_header *header)
{
    struct cursor cursor;

    cursor_init(&cursor, json);
    if (cursor_kind(&cursor) != JSON_KIND_ARRAY || !json_count(json)) {
        return error_syntax(json, "an array of at least one address is expected");
    }
    header->remote_addresses = NEW_ARRAY(char *, json_count(json));
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice value = cursor_skip(&cursor);
        char *address = field_text(value);

        if (!address) {
            return error_syntax(value, "each address must be a non-empty string");
        }
        header->remote_addresses[header->n_remote_addresses++] = address;
    }
    return NULL;
}

static void decode_snapshot(struct fields *fields, struct file_header *header)
{
    struct entry_data data;
    struct slice value;

    header->prev_term = fields_uint64(fields, FIELD_PREV_TERM, true);
    header->prev_index = fields_uint64(fields, FIELD_PREV_INDEX, true);
    header->prev_election_timer = fields_uint64(fields, FIELD_PREV_ELECTION_TIMER, false);
    header->prev_eid = fields_uuid(fields, FIELD_PREV_EID, true);
    if (!fields->error && !header->prev_index) {
        fields_fail(fields, FIELD_PREV_INDEX,
                    error_syntax(fields->values[FIELD_PREV_INDEX], "at least 1 is expected"));
    }
    value = fields_value(fields, FIELD_PREV_SERVERS, true);
    if (value.data) {
        fields_fail(fields, FIELD_PREV_SERVERS, servers_decode(value, &header->prev_servers));
    }
    header->prev_data = fields_value(fields, FIELD_PREV_DATA, true);
    if (header->prev_data.data) {
        struct ovsdb_error *error = entry_data_decode(header->prev_data, &data);

        if (!error && !data.schema.data) {
            error = error_syntax(header->prev_data, "a snapshot must have a schema");
        }
        fields_fail(fields, FIELD_PREV_DATA, error);
    }
}

struct ovsdb_error *file_header_decode(struct slice record, struct file_header *ret)
{
    struct file_header header = {0};
    struct ovsdb_error *error;
    struct fields fields;
    bool is_join;

    fields_begin(&fields, record, "the first record");
    is_join = fields_has(&fields, FIELD_REMOTE_ADDRESSES);
    header.server_id = fields_uuid(&fields, FIELD_SERVER_ID, true);
    header.name = fields_string(&fields, FIELD_NAME, true);
    if (header.name && !id_is_valid(slice_of(header.name))) {
        fields_fail(&fields, FIELD_NAME,
                    error_syntax(fields.values[FIELD_NAME], "the name of a database is expected"));
    }
    header.local_address = fields_string(&fields, FIELD_LOCAL_ADDRESS, true);
    header.cluster_id = fields_uuid(&fields, FIELD_CLUSTER_ID, !is_join);
    if (is_join) {
        struct slice value = fields_value(&fields, FIELD_REMOTE_ADDRESSES, true);

        fields_fail(&fields, FIELD_REMOTE_ADDRESSES,
                    value.data ? decode_addresses(value, &header) : NULL);
    } else {
        decode_snapshot(&fields, &header);
    }
    error = fields_end(&fields);
    if (error) {
        file_header_done(&header);
        return error;
    }
    *ret = header;
    return NULL;
}

static void put_snapshot(struct buf *buf, const struct file_header *header)
{
    if (header->prev_data.data) {
        field_put_text(buf, FIELD_PREV_DATA, header->prev_data);
    }
    field_put_uuid(buf, FIELD_PREV_EID, header->prev_eid);
    if (header->prev_election_timer) {
        field_put_uint64(buf, FIELD_PREV_ELECTION_TIMER, header->prev_election_timer);
    }
    field_put_uint64(buf, FIELD_PREV_INDEX, header->prev_index);
    field_put_name(buf, FIELD_PREV_SERVERS);
    servers_put(buf, &header->prev_servers);
    field_put_uint64(buf, FIELD_PREV_TERM, header->prev_term);
}

static void put_remote_addresses(struct buf *buf, const struct file_header *header)
{
    field_put_name(buf, FIELD_REMOTE_ADDRESSES);
    buf_putc(buf, '[');
    for (size_t i = 0; i < header->n_remote_addresses; i++) {
        emit_next(buf);
        emit_string(buf, slice_of(header->remote_addresses[i]));
    }
    buf_putc(buf, ']');
}

void file_header_put_open(struct buf *buf, const struct file_header *header)
{
    assert(!uuid_is_zero(header->server_id));
    buf_putc(buf, '{');
    if (!uuid_is_zero(header->cluster_id)) {
        field_put_uuid(buf, FIELD_CLUSTER_ID, header->cluster_id);
    }
    field_put_string(buf, FIELD_LOCAL_ADDRESS, header->local_address);
    field_put_string(buf, FIELD_NAME, header->name);
    if (file_header_is_member(header)) {
        assert(header->prev_index && !uuid_is_zero(header->cluster_id));
        put_snapshot(buf, header);
    } else {
        put_remote_addresses(buf, header);
    }
    field_put_uuid(buf, FIELD_SERVER_ID, header->server_id);
}

void file_header_put(struct buf *buf, const struct file_header *header)
{
    file_header_put_open(buf, header);
    buf_putc(buf, '}');
}

void file_header_done(struct file_header *header)
{
    for (size_t i = 0; i < header->n_remote_addresses; i++) {
        free(header->remote_addresses[i]);
    }
    free(header->remote_addresses);
    free(header->local_address);
    free(header->name);
    servers_done(&header->prev_servers);
    *header = (struct file_header){0};
}

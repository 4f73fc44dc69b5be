// SPDX-License-Identifier: Apache-2.0
#include "cluster/fields.h"

#include "json/cursor.h"
#include "json/emit.h"

static const char *const names[] = {
    [FIELD_ACCEPTED] = "accepted",
    [FIELD_ADDRESS] = "address",
    [FIELD_CLIENT] = "client",
    [FIELD_CLIENT_ID] = "client_id",
    [FIELD_CLUSTER_ID] = "cluster_id",
    [FIELD_COMMENT] = "comment",
    [FIELD_COMMIT_INDEX] = "commit_index",
    [FIELD_DATA] = "data",
    [FIELD_EID] = "eid",
    [FIELD_ELECTION_TIMER] = "election_timer",
    [FIELD_ERROR] = "error",
    [FIELD_FEATURES] = "features",
    [FIELD_GRANTED] = "granted",
    [FIELD_INDEX] = "index",
    [FIELD_INDEX_TERM] = "index_term",
    [FIELD_KIND] = "kind",
    [FIELD_LEADER] = "leader",
    [FIELD_LOCAL_ADDRESS] = "local_address",
    [FIELD_METHOD] = "method",
    [FIELD_NAME] = "name",
    [FIELD_NOTE] = "note",
    [FIELD_NUMBER] = "number",
    [FIELD_OFFSET] = "offset",
    [FIELD_PARAMS] = "params",
    [FIELD_PRE_VOTE] = "pre_vote",
    [FIELD_PREV_DATA] = "prev_data",
    [FIELD_PREV_EID] = "prev_eid",
    [FIELD_PREV_ELECTION_TIMER] = "prev_election_timer",
    [FIELD_PREV_INDEX] = "prev_index",
    [FIELD_PREV_SERVERS] = "prev_servers",
    [FIELD_PREV_TERM] = "prev_term",
    [FIELD_REASON] = "reason",
    [FIELD_REJECTED] = "rejected",
    [FIELD_REMOTE_ADDRESSES] = "remote_addresses",
    [FIELD_RESULT] = "result",
    [FIELD_ROLE] = "role",
    [FIELD_SERVER_ID] = "server_id",
    [FIELD_SERVERS] = "servers",
    [FIELD_SERVERS_INDEX] = "servers_index",
    [FIELD_SIZE] = "size",
    [FIELD_TERM] = "term",
    [FIELD_TRANSFER] = "transfer",
    [FIELD_VERSION] = "version",
    [FIELD_VOTE] = "vote",
};

static_assert(ARRAY_SIZE(names) == N_FIELDS, "every field has a name");

static enum field find_field(struct slice name)
{
    size_t first = 0, end = N_FIELDS;

    while (first < end) {
        size_t middle = (first + end) / 2;
        int cmp = slice_compare(name, slice_of(names[middle]));

        if (!cmp) {
            return (enum field)middle;
        }
        if (cmp < 0) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return N_FIELDS;
}

void fields_begin(struct fields *fields, struct slice record, const char *what)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct cursor cursor;

    *fields = (struct fields){.record = record, .what = what};
    cursor_init(&cursor, record);
    assert(cursor_kind(&cursor) == JSON_KIND_OBJECT);
    for (bool more = cursor_enter(&cursor); more; more = cursor_more(&cursor)) {
        struct slice name = cursor_name(&cursor, &scratch);
        enum field field = find_field(name);

        if (field < N_FIELDS) {
            fields->values[field] = cursor_skip(&cursor);
            continue;
        }
        if (!fields->error) {
            fields->error = error_syntax(record, "%s must not have the member \"" SLICE_FORMAT "\"",
                                         what, SLICE_ARGS(name));
        }
        cursor_skip(&cursor);
    }
}

bool fields_has(const struct fields *fields, enum field field)
{
    return fields->values[field].data != NULL;
}

static void expect(struct fields *fields, enum field field, const char *expected)
{
    fields_fail(fields, field, error_syntax(fields->values[field], "%s is expected", expected));
}

struct slice fields_value(struct fields *fields, enum field field, bool is_required)
{
    fields->taken[field] = true;
    if (is_required && !fields_has(fields, field) && !fields->error) {
        fields->error = error_syntax(fields->record, "%s must have the member \"%s\"", fields->what,
                                     names[field]);
    }
    return fields->error ? SLICE_EMPTY : fields->values[field];
}

uint64_t fields_uint64(struct fields *fields, enum field field, bool is_required)
{
    struct slice value = fields_value(fields, field, is_required);
    struct cursor cursor;
    int64_t integer;
    double real;

    if (!value.data) {
        return 0;
    }
    cursor_init(&cursor, value);
    if (cursor_kind(&cursor) == JSON_KIND_NUMBER && cursor_number(&cursor, &integer, &real)) {
        return (uint64_t)integer;
    }
    expect(fields, field, "an integer");
    return 0;
}

uint64_t fields_count(struct fields *fields, enum field field, bool is_required)
{
    struct slice value = fields_value(fields, field, is_required);
    uint64_t count = 0;

    if (value.data && !json_read_count(value, &count)) {
        expect(fields, field, "an integer from 0 to 2^63 - 1");
    }
    return count;
}

bool fields_boolean(struct fields *fields, enum field field, bool is_required)
{
    struct slice value = fields_value(fields, field, is_required);
    bool boolean = false;

    if (value.data && !json_read_boolean(value, &boolean)) {
        expect(fields, field, "a boolean");
    }
    return boolean;
}

struct uuid fields_uuid(struct fields *fields, enum field field, bool is_required)
{
    struct slice value = fields_value(fields, field, is_required), text;
    _cleanup_buf_ struct buf scratch = {0};
    struct uuid uuid = UUID_ZERO;

    if (value.data && (!json_read_string(value, &scratch, &text) || !uuid_parse(text, &uuid) ||
                       uuid_is_zero(uuid))) {
        expect(fields, field, "a UUID");
    }
    return uuid;
}

char *fields_string(struct fields *fields, enum field field, bool is_required)
{
    struct slice value = fields_value(fields, field, is_required);
    char *text = field_text(value);

    if (value.data && !text) {
        expect(fields, field, "a non-empty string");
    }
    return text;
}

void fields_fail(struct fields *fields, enum field field, struct ovsdb_error *error)
{
    if (fields->error) {
        error_free(error);
    } else if (error) {
        error_prefix(error, "the member \"%s\" of %s: ", names[field], fields->what);
        fields->error = error;
    }
}

struct ovsdb_error *fields_end(struct fields *fields)
{
    for (enum field field = 0; field < N_FIELDS && !fields->error; field++) {
        if (fields_has(fields, field) && !fields->taken[field]) {
            fields->error = error_syntax(fields->record, "%s must not have the member \"%s\"",
                                         fields->what, names[field]);
        }
    }
    return TAKE_PTR(fields->error);
}

char *field_text(struct slice value)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct slice text;

    // A framer refuses U+0000 (I-1).
    return json_read_string(value, &scratch, &text) && text.size ? xstrndup(text.data, text.size)
                                                                 : NULL;
}

void field_put_name(struct buf *buf, enum field field)
{
    assert(field < N_FIELDS);
    emit_name(buf, slice_of(names[field]));
}

void field_put_uuid(struct buf *buf, enum field field, struct uuid uuid)
{
    char text[UUID_TEXT_SIZE];

    field_put_string(buf, field, uuid_text(uuid, text));
}

void field_put_uint64(struct buf *buf, enum field field, uint64_t number)
{
    field_put_name(buf, field);
    emit_integer(buf, (int64_t)number);
}

void field_put_string(struct buf *buf, enum field field, const char *text)
{
    field_put_name(buf, field);
    emit_string(buf, slice_of(text));
}

void field_put_boolean(struct buf *buf, enum field field, bool value)
{
    field_put_name(buf, field);
    emit_boolean(buf, value);
}

void field_put_text(struct buf *buf, enum field field, struct slice json)
{
    field_put_name(buf, field);
    buf_put_slice(buf, json);
}

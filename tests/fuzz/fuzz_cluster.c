// SPDX-License-Identifier: Apache-2.0
// Records of a clustered file, one a line, the first one first. A record that is accepted is
// written as text that reads as the same record; the log keeps its invariants, agrees with itself
// under another server id, and has contents.
#include "cluster/agreement.h"
#include "cluster/contents.h"
#include "json/cursor.h"
#include "json/framer.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Cuts the next line off. False if it is no JSON object, or there is none.
static bool next_object(struct slice *rest, struct slice *ret)
{
    const char *lf = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    struct slice line = {rest->data, lf ? (size_t)(lf - rest->data) : rest->size};
    size_t offset;

    *rest =
        (struct slice){line.data + line.size + (lf ? 1 : 0), rest->size - line.size - (lf ? 1 : 0)};
    return line.size && !framer_check(line, SIZE_MAX, ret, &offset) &&
           json_kind_of(*ret) == JSON_KIND_OBJECT;
}

static void check_header(const struct file_header *header)
{
    _cleanup_buf_ struct buf first = {0}, second = {0};
    struct file_header again;

    file_header_put(&first, header);
    assert(!file_header_decode(buf_slice(&first), &again));
    file_header_put(&second, &again);
    assert(slice_equals(buf_slice(&first), buf_slice(&second)));
    file_header_done(&again);
}

static void check_record(const struct file_record *record)
{
    _cleanup_buf_ struct buf first = {0}, second = {0};
    struct file_record again;

    file_record_put(&first, record);
    assert(!file_record_decode(buf_slice(&first), &again));
    assert(again.kind == record->kind);
    file_record_put(&second, &again);
    assert(slice_equals(buf_slice(&first), buf_slice(&second)));
    file_record_done(&again);
}

static void check_log(struct member_log *log)
{
    struct member_log other = *log;
    const struct agreement_member members[] = {{"a", log}, {"b", &other}};
    struct contents contents;

    assert(log->commit_index >= log->header.prev_index);
    assert(log->commit_index <= member_log_last_index(log));
    assert(member_log_servers(log)->n);
    for (size_t i = 0; i < log->n_entries; i++) {
        assert(log->entries[i].index == log->header.prev_index + 1 + i);
        assert(log->entries[i].term <= log->term);
    }
    other.header.server_id.lo ^= 1;
    assert(!agreement_check(members, ARRAY_SIZE(members)));
    contents_init(&contents, log);
    assert(contents.schema.data);
    contents_done(&contents);
}

static void add_line(struct member_log *log, struct slice line)
{
    struct file_record record;
    struct ovsdb_error *error = file_record_decode(line, &record);

    if (!error) {
        check_record(&record);
        error = member_log_add(log, &record);
        file_record_done(&record);
    }
    if (error) {
        assert(error->tag && error->details);
        error_free(error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size}, line;
    struct file_header header;
    struct ovsdb_error *error;
    struct member_log *log;

    if (!next_object(&rest, &line)) {
        return 0;
    }
    error = file_header_decode(line, &header);
    if (error) {
        assert(error->tag && error->details);
        error_free(error);
        return 0;
    }
    check_header(&header);
    log = member_log_new(header);
    if (file_header_is_member(&log->header)) {
        while (rest.size) {
            if (next_object(&rest, &line)) {
                add_line(log, line);
            }
        }
        check_log(log);
    }
    member_log_free(log);
    return 0;
}

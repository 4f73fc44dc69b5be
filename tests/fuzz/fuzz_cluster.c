// SPDX-License-Identifier: Apache-2.0
// Records of a clustered file, one a line, the first one first. A record that is accepted is
// written as text that reads as the same record; the log keeps its invariants, agrees with itself
// under another server id, and has contents. Further records are appended; a log that is made of
// the text of all records is the same, also after a snapshot has replaced a part of it.
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

static void put_line(struct buf *file, const struct file_record *record)
{
    file_record_put(file, record);
    buf_putc(file, '\n');
}

// Adds a record to the log, and its text to the file if the log takes it.
static void add_record(struct member_log *log, struct buf *file, struct file_record *record)
{
    _cleanup_buf_ struct buf text = {0};
    struct ovsdb_error *error;

    put_line(&text, record);
    error = member_log_add(log, record);
    if (!error) {
        buf_put_slice(file, buf_slice(&text));
        return;
    }
    assert(error->tag && error->details);
    error_free(error);
}

static void add_line(struct member_log *log, struct buf *file, struct slice line)
{
    struct file_record record;
    struct ovsdb_error *error = file_record_decode(line, &record);

    if (error) {
        assert(error->tag && error->details);
        error_free(error);
        return;
    }
    check_record(&record);
    add_record(log, file, &record);
    file_record_done(&record);
}

// Appends records as a member does: a new term, entries that replace those which are not
// committed, and a commit index.
static void append_records(struct member_log *log, struct buf *file, size_t seed)
{
    uint64_t term = log->term < UINT64_MAX ? log->term + 1 : log->term;
    uint64_t index =
        log->commit_index + 1 + seed % (member_log_last_index(log) - log->commit_index + 1);

    if (log->commit_index > UINT64_MAX - SIZE_MAX / 2) {
        return; // no index is left
    }
    add_record(log, file,
               &(struct file_record){
                   .kind = FILE_RECORD_VOTE, .term = term, .server = log->header.server_id});
    for (uint64_t i = index; i < index + 3; i++) {
        add_record(log, file,
                   &(struct file_record){.kind = FILE_RECORD_ENTRY,
                                         .entry = {.term = term,
                                                   .index = i,
                                                   .data = SLICE("[null,{}]"),
                                                   .eid = log->header.server_id}});
        assert(member_log_last_index(log) == i);
    }
    add_record(log, file,
               &(struct file_record){.kind = FILE_RECORD_COMMIT_INDEX, .commit_index = index + 1});
    assert(log->commit_index == index + 1);
}

static void put_state(struct buf *buf, const struct member_log *log)
{
    file_header_put(buf, &log->header);
    for (size_t i = 0; i < log->n_entries; i++) {
        put_line(buf, &(struct file_record){.kind = FILE_RECORD_ENTRY, .entry = log->entries[i]});
    }
    buf_put(buf, &log->term, sizeof(log->term));
    buf_put(buf, &log->vote, sizeof(log->vote));
    buf_put(buf, &log->commit_index, sizeof(log->commit_index));
    buf_putc(buf, log->has_left ? '1' : '0');
}

// Makes a log of the text of its records and compares it with `log`.
static void check_reloaded(const struct member_log *log, struct slice file)
{
    _cleanup_buf_ struct buf state = {0}, reloaded_state = {0};
    _cleanup_member_log_ struct member_log *reloaded = NULL;
    struct slice line, rest = file;
    struct file_record record;
    struct file_header header;
    bool is_object = next_object(&rest, &line);

    assert(is_object && !file_header_decode(line, &header));
    reloaded = member_log_new(header);
    while (rest.size) {
        is_object = next_object(&rest, &line);
        assert(is_object && !file_record_decode(line, &record));
        assert(!member_log_add(reloaded, &record));
        file_record_done(&record);
    }
    put_state(&state, log);
    put_state(&reloaded_state, reloaded);
    assert(slice_equals(buf_slice(&state), buf_slice(&reloaded_state)));
}

// Replaces the committed entries by a snapshot.
static void check_rebased(struct member_log *log, size_t n_kept)
{
    struct file_header header = member_log_header_at(log, log->commit_index);
    uint64_t last = member_log_last_index(log), n_before = log->n_entries;
    uint64_t election_timer = member_log_election_timer(log);
    uint64_t index = header.prev_index, n_replaced = index - log->header.prev_index;

    header.prev_data = log->header.prev_data;
    member_log_rebase(log, member_log_new(header), n_kept);
    assert(log->header.prev_index == index && member_log_last_index(log) == last);
    assert(log->n_kept == MIN(n_kept, n_replaced) && log->n_entries == n_before - n_replaced);
    for (size_t i = 0; i < log->n_kept; i++) {
        assert(member_log_entry(log, index - i)->index == index - i);
    }
    assert(!member_log_entry(log, index - log->n_kept));
    assert(member_log_election_timer(log) == election_timer);
    check_log(log);
}

static void check_file(struct member_log *log, struct buf *file, struct slice rest)
{
    size_t seed = rest.size;
    struct slice line;

    while (rest.size) {
        if (next_object(&rest, &line)) {
            add_line(log, file, line);
        }
    }
    check_log(log);
    append_records(log, file, seed);
    check_log(log);
    check_reloaded(log, buf_slice(file));
    check_rebased(log, seed % 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size}, line;
    _cleanup_buf_ struct buf file = {0};
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
        file_header_put(&file, &log->header);
        buf_putc(&file, '\n');
        check_file(log, &file, rest);
    }
    member_log_free(log);
    return 0;
}

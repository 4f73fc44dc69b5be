// SPDX-License-Identifier: Apache-2.0
#include "cluster/member_log.h"

#include "json/emit.h"

#include <assert.h>
#include <inttypes.h>

// The owner of the copied text is the slice itself.
static struct slice copy_text(struct slice text)
{
    return text.data ? (struct slice){xmemdup(text.data, text.size), text.size} : text;
}

static void free_text(struct slice text)
{
    free((void *)text.data);
}

struct member_log *member_log_new(struct file_header header)
{
    struct member_log *log = NEW(struct member_log);

    log->header = header;
    log->header.prev_data = copy_text(header.prev_data);
    log->term = header.prev_term;
    log->commit_index = header.prev_index;
    return log;
}

static void entry_done(struct log_entry *entry)
{
    servers_done(&entry->servers);
    free_text(entry->data);
}

// The number of entries up to the last one of the first `n` that sets the members. 0: none.
static size_t count_to_servers(const struct member_log *log, size_t n)
{
    while (n && !log->entries[n - 1].servers.n) {
        n--;
    }
    return n;
}

static size_t count_to_timer(const struct member_log *log, size_t n)
{
    while (n && !log->entries[n - 1].election_timer) {
        n--;
    }
    return n;
}

static void truncate_entries(struct member_log *log, size_t n)
{
    uint64_t last = log->header.prev_index + n;

    assert(n <= log->n_entries);
    while (log->n_entries > n) {
        entry_done(&log->entries[--log->n_entries]);
    }
    if (log->servers_index > last) {
        log->servers_index = log->header.prev_index + count_to_servers(log, n);
    }
    if (log->timer_index > last) {
        log->timer_index = log->header.prev_index + count_to_timer(log, n);
    }
}

static void free_kept(struct member_log *log)
{
    for (size_t i = 0; i < log->n_kept; i++) {
        entry_done(&log->kept[i]);
    }
    free(log->kept);
}

void member_log_free(struct member_log *log)
{
    if (!log) {
        return;
    }
    truncate_entries(log, 0);
    free(log->entries);
    free_kept(log);
    free(log->leaders);
    free(log->commits);
    free_text(log->header.prev_data);
    file_header_done(&log->header);
    free(log);
}

const struct log_entry *member_log_entry(const struct member_log *log, uint64_t index)
{
    uint64_t prev_index = log->header.prev_index;

    if (index > prev_index) {
        return index - prev_index <= log->n_entries ? &log->entries[index - prev_index - 1] : NULL;
    }
    return prev_index - index < log->n_kept ? &log->kept[log->n_kept - 1 - (prev_index - index)]
                                            : NULL;
}

// The term of an entry or of the snapshot.
static uint64_t term_at(const struct member_log *log, uint64_t index)
{
    const struct log_entry *entry = member_log_entry(log, index);

    assert(entry || index == log->header.prev_index);
    return entry ? entry->term : log->header.prev_term;
}

static struct ovsdb_error *check_entry(const struct member_log *log, const struct log_entry *entry)
{
    const struct log_entry *present = member_log_entry(log, entry->index);
    uint64_t last = member_log_last_index(log);

    if (entry->index > last && entry->index - last > 1) {
        return error_new(ERROR_SYNTAX, "entry %" PRIu64 " skips past the expected index %" PRIu64,
                         entry->index, last + 1);
    }
    if (entry->index <= log->header.prev_index) {
        return error_new(ERROR_SYNTAX,
                         "entry %" PRIu64 " precedes the log, which begins after %" PRIu64,
                         entry->index, log->header.prev_index);
    }
    if (present && entry->index <= log->commit_index && !log_entry_equals(present, entry)) {
        return error_new(ERROR_SYNTAX, "entry %" PRIu64 " replaces a committed entry",
                         entry->index);
    }
    if (entry->term < term_at(log, entry->index - 1)) {
        return error_new(ERROR_SYNTAX,
                         "entry %" PRIu64 " has term %" PRIu64 ", the entry before it %" PRIu64,
                         entry->index, entry->term, term_at(log, entry->index - 1));
    }
    return NULL;
}

static void set_term(struct member_log *log, uint64_t term)
{
    if (term > log->term) {
        log->term = term;
        log->vote = UUID_ZERO;
    }
}

static struct ovsdb_error *add_entry(struct member_log *log, struct log_entry *entry)
{
    struct ovsdb_error *error = check_entry(log, entry);

    if (error) {
        return error;
    }
    if (entry->index <= log->commit_index) {
        servers_done(&entry->servers);
        return NULL; // it is there, see check_entry()
    }
    truncate_entries(log, (size_t)(entry->index - log->header.prev_index - 1));
    GROW(log->entries, log->n_entries, log->entries_capacity);
    log->entries[log->n_entries] = *entry;
    log->entries[log->n_entries++].data = copy_text(entry->data);
    if (entry->servers.n) {
        log->servers_index = entry->index;
    }
    if (entry->election_timer) {
        log->timer_index = entry->index;
    }
    entry->servers = (struct servers){0};
    set_term(log, entry->term);
    assert(member_log_last_index(log) == entry->index);
    return NULL;
}

static struct ovsdb_error *add_term(struct member_log *log, uint64_t term)
{
    if (term < log->term) {
        return error_new(ERROR_SYNTAX, "the term goes back from %" PRIu64 " to %" PRIu64, log->term,
                         term);
    }
    set_term(log, term);
    return NULL;
}

static struct ovsdb_error *add_vote(struct member_log *log, const struct file_record *record)
{
    char first[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE];
    struct ovsdb_error *error;

    if (record->term == log->term && !uuid_is_zero(log->vote) &&
        !uuid_equals(log->vote, record->server)) {
        return error_new(ERROR_SYNTAX, "a second vote in term %" PRIu64 ": for %s after %s",
                         record->term, uuid_text(record->server, second),
                         uuid_text(log->vote, first));
    }
    error = add_term(log, record->term);
    if (!error) {
        log->vote = record->server;
    }
    return error;
}

static struct ovsdb_error *add_leader(struct member_log *log, const struct file_record *record)
{
    const struct member_leader *last = log->n_leaders ? &log->leaders[log->n_leaders - 1] : NULL;
    char first[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE];
    struct ovsdb_error *error;

    assert(!log->n_leaders || log->leaders);
    if (last && last->term == record->term && !uuid_equals(last->server, record->server)) {
        return error_new(ERROR_SYNTAX, "a second leader of term %" PRIu64 ": %s after %s",
                         record->term, uuid_text(record->server, second),
                         uuid_text(last->server, first));
    }
    error = add_term(log, record->term);
    if (!error) {
        GROW(log->leaders, log->n_leaders, log->leaders_capacity);
        log->leaders[log->n_leaders++] = (struct member_leader){
            .term = record->term,
            .server = record->server,
            .last_index = member_log_last_index(log),
        };
    }
    return error;
}

static struct ovsdb_error *add_commit_index(struct member_log *log, uint64_t index)
{
    if (index < log->commit_index) {
        return error_new(ERROR_SYNTAX, "the commit index goes back from %" PRIu64 " to %" PRIu64,
                         log->commit_index, index);
    }
    if (index > member_log_last_index(log)) {
        return error_new(ERROR_SYNTAX,
                         "the commit index %" PRIu64 " is beyond the last entry %" PRIu64, index,
                         member_log_last_index(log));
    }
    log->commit_index = index;
    if (!log->n_commits || log->commits[log->n_commits - 1].term != log->term) {
        GROW(log->commits, log->n_commits, log->commits_capacity);
        log->n_commits++;
    }
    log->commits[log->n_commits - 1] = (struct member_commit){log->term, index};
    return NULL;
}

struct ovsdb_error *member_log_add(struct member_log *log, struct file_record *record)
{
    assert(file_header_is_member(&log->header));
    switch (record->kind) {
    case FILE_RECORD_ENTRY:
        return add_entry(log, &record->entry);
    case FILE_RECORD_TERM:
        return add_term(log, record->term);
    case FILE_RECORD_VOTE:
        return add_vote(log, record);
    case FILE_RECORD_LEADER:
        return add_leader(log, record);
    case FILE_RECORD_COMMIT_INDEX:
        return add_commit_index(log, record->commit_index);
    case FILE_RECORD_NOTE:
        log->has_left |= !strcmp(record->note, FILE_NOTE_LEFT);
        return NULL;
    }
    assert(!"no such kind");
    return NULL;
}

// Moves the entries up to the index into `log->kept`, of which then the last `n_kept` are left.
static void keep_entries(struct member_log *log, uint64_t index, size_t n_kept)
{
    size_t n_moved = (size_t)(index - log->header.prev_index);
    size_t n_all = log->n_kept + n_moved;
    size_t n_dropped = n_all - MIN(n_all, n_kept);
    struct log_entry *kept = NEW_ARRAY(struct log_entry, n_all - n_dropped);

    assert(n_moved <= log->n_entries);
    for (size_t i = 0; i < n_all; i++) {
        struct log_entry *entry = i < log->n_kept ? &log->kept[i] : &log->entries[i - log->n_kept];

        if (i < n_dropped) {
            entry_done(entry);
        } else {
            kept[i - n_dropped] = *entry;
        }
    }
    free(log->kept);
    log->kept = kept;
    log->n_kept = n_all - n_dropped;
    log->n_entries -= n_moved;
    memmove(log->entries, log->entries + n_moved, log->n_entries * sizeof(*log->entries));
}

void member_log_rebase(struct member_log *log, struct member_log *snapshot, size_t n_kept)
{
    uint64_t index = snapshot->header.prev_index;

    assert(!snapshot->n_entries && index >= log->header.prev_index);
    assert(index <= member_log_last_index(log));
    assert(term_at(log, index) == snapshot->header.prev_term);
    keep_entries(log, index, n_kept);
    free_text(log->header.prev_data);
    file_header_done(&log->header);
    log->header = snapshot->header;
    snapshot->header = (struct file_header){0};
    log->commit_index = MAX(log->commit_index, index);
    member_log_free(snapshot);
}

const struct servers *member_log_servers_at(const struct member_log *log, uint64_t index)
{
    size_t n = count_to_servers(log, (size_t)(index - log->header.prev_index));

    return n ? &log->entries[n - 1].servers : &log->header.prev_servers;
}

static uint64_t election_timer_at(const struct member_log *log, uint64_t index)
{
    size_t n = count_to_timer(log, (size_t)(index - log->header.prev_index));

    return n ? log->entries[n - 1].election_timer : log->header.prev_election_timer;
}

static struct uuid eid_at(const struct member_log *log, uint64_t index)
{
    for (size_t i = (size_t)(index - log->header.prev_index); i-- > 0;) {
        if (log->entries[i].data.data) {
            return log->entries[i].eid;
        }
    }
    return log->header.prev_eid;
}

struct file_header member_log_header_at(const struct member_log *log, uint64_t index)
{
    assert(file_header_is_member(&log->header));
    assert(index >= log->header.prev_index && index <= member_log_last_index(log));
    return (struct file_header){
        .server_id = log->header.server_id,
        .cluster_id = log->header.cluster_id,
        .local_address = xstrdup(log->header.local_address),
        .name = xstrdup(log->header.name),
        .prev_term = term_at(log, index),
        .prev_index = index,
        .prev_servers = servers_copy(member_log_servers_at(log, index)),
        .prev_election_timer = election_timer_at(log, index),
        .prev_eid = eid_at(log, index),
    };
}

const struct servers *member_log_servers(const struct member_log *log)
{
    return member_log_servers_at(log, MAX(log->servers_index, log->header.prev_index));
}

uint64_t member_log_election_timer(const struct member_log *log)
{
    return election_timer_at(log, MAX(log->timer_index, log->header.prev_index));
}

static bool data_equals(struct slice a, struct slice b)
{
    _cleanup_buf_ struct buf canonical_a = {0}, canonical_b = {0};

    if (slice_equals(a, b)) {
        return true;
    }
    if (!a.data || !b.data) {
        return false;
    }
    emit_canonical(&canonical_a, a);
    emit_canonical(&canonical_b, b);
    return slice_equals(buf_slice(&canonical_a), buf_slice(&canonical_b));
}

bool log_entry_equals(const struct log_entry *a, const struct log_entry *b)
{
    return a->term == b->term && a->index == b->index && a->election_timer == b->election_timer &&
           uuid_equals(a->eid, b->eid) && servers_equal(&a->servers, &b->servers) &&
           data_equals(a->data, b->data);
}

// SPDX-License-Identifier: Apache-2.0
#include "cluster/agreement.h"

#include <inttypes.h>

static struct ovsdb_error *check_identity(const struct agreement_member *a,
                                          const struct agreement_member *b)
{
    const struct file_header *ha = &a->log->header, *hb = &b->log->header;
    char ta[UUID_TEXT_SIZE], tb[UUID_TEXT_SIZE];

    assert(file_header_is_member(ha) && file_header_is_member(hb));
    if (strcmp(ha->name, hb->name) != 0) {
        return error_new(ERROR_OVSDB, "%s is named \"%s\" but %s is named \"%s\"", a->path,
                         ha->name, b->path, hb->name);
    }
    if (!uuid_equals(ha->cluster_id, hb->cluster_id)) {
        return error_new(ERROR_OVSDB, "%s has cluster ID %s but %s has cluster ID %s", a->path,
                         uuid_text(ha->cluster_id, ta), b->path, uuid_text(hb->cluster_id, tb));
    }
    if (uuid_equals(ha->server_id, hb->server_id)) {
        return error_new(ERROR_OVSDB, "duplicate server ID %s in %s and %s",
                         uuid_text(ha->server_id, ta), a->path, b->path);
    }
    return NULL;
}

static struct ovsdb_error *check_leaders(const struct agreement_member *a,
                                         const struct agreement_member *b)
{
    const struct member_leader *la = a->log->leaders, *end_a = la + a->log->n_leaders;
    const struct member_leader *lb = b->log->leaders, *end_b = lb + b->log->n_leaders;
    char ta[UUID_TEXT_SIZE], tb[UUID_TEXT_SIZE];

    while (la < end_a && lb < end_b) {
        if (la->term == lb->term && !uuid_equals(la->server, lb->server)) {
            return error_new(ERROR_OVSDB,
                             "term %" PRIu64
                             " has two leaders: %s according to %s, %s according "
                             "to %s",
                             la->term, uuid_text(la->server, ta), a->path,
                             uuid_text(lb->server, tb), b->path);
        }
        if (la->term <= lb->term) {
            la++;
        } else {
            lb++;
        }
    }
    return NULL;
}

// A leader has all entries that were committed in the terms before its own.
static struct ovsdb_error *check_complete(const struct agreement_member *leader,
                                          const struct agreement_member *other)
{
    const struct member_log *log = leader->log;

    for (size_t i = 0; i < log->n_leaders; i++) {
        if (!uuid_equals(log->leaders[i].server, log->header.server_id)) {
            continue;
        }
        for (size_t j = 0; j < other->log->n_commits; j++) {
            const struct member_commit *commit = &other->log->commits[j];

            if (commit->term < log->leaders[i].term && commit->index > log->leaders[i].last_index) {
                return error_new(ERROR_OVSDB,
                                 "%s became the leader of term %" PRIu64
                                 " with entries up to %" PRIu64 ", but entry %" PRIu64
                                 " was committed in term %" PRIu64 " according to %s",
                                 leader->path, log->leaders[i].term, log->leaders[i].last_index,
                                 commit->index, commit->term, other->path);
            }
        }
    }
    return NULL;
}

static struct ovsdb_error *report_entry(const struct agreement_member *a,
                                        const struct log_entry *ea,
                                        const struct agreement_member *b,
                                        const struct log_entry *eb)
{
    char ta[UUID_TEXT_SIZE], tb[UUID_TEXT_SIZE];

    return error_new(ERROR_OVSDB,
                     "log entries with index %" PRIu64 " differ: %s has term %" PRIu64
                     ", transaction %s; %s has term %" PRIu64 ", transaction %s%s",
                     ea->index, a->path, ea->term, uuid_text(ea->eid, ta), b->path, eb->term,
                     uuid_text(eb->eid, tb),
                     uuid_equals(ea->eid, eb->eid) ? " with other contents" : "");
}

static struct ovsdb_error *check_entries(const struct agreement_member *a,
                                         const struct agreement_member *b)
{
    uint64_t index = MAX(a->log->header.prev_index, b->log->header.prev_index);
    uint64_t last = MIN(member_log_last_index(a->log), member_log_last_index(b->log));
    uint64_t committed = MIN(a->log->commit_index, b->log->commit_index);

    while (index < last) {
        const struct log_entry *ea = member_log_entry(a->log, ++index);
        const struct log_entry *eb = member_log_entry(b->log, index);

        if ((ea->term == eb->term || index <= committed) && !log_entry_equals(ea, eb)) {
            return report_entry(a, ea, b, eb);
        }
    }
    return NULL;
}

// The snapshot of a member ends with the entry that the other member has committed at that index.
static struct ovsdb_error *check_snapshot(const struct agreement_member *a,
                                          const struct agreement_member *b)
{
    const struct file_header *header = &a->log->header;
    const struct log_entry *entry = member_log_entry(b->log, header->prev_index);

    if (entry && entry->index <= b->log->commit_index && entry->term != header->prev_term) {
        return error_new(ERROR_OVSDB,
                         "the snapshot of %s ends with index %" PRIu64 " of term %" PRIu64
                         ", but %s has this entry with term %" PRIu64,
                         a->path, header->prev_index, header->prev_term, b->path, entry->term);
    }
    return NULL;
}

typedef struct ovsdb_error *pair_check(const struct agreement_member *a,
                                       const struct agreement_member *b);

// Runs the check on each pair of members, or each ordered pair.
static struct ovsdb_error *check_pairs(const struct agreement_member *members, size_t n,
                                       pair_check *check, bool is_ordered)
{
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < n && !error; i++) {
        for (size_t j = is_ordered ? 0 : i + 1; j < n && !error; j++) {
            error = i == j ? NULL : check(&members[i], &members[j]);
        }
    }
    return error;
}

struct ovsdb_error *agreement_check(const struct agreement_member *members, size_t n)
{
    static const struct {
        pair_check *check;
        bool is_ordered;
    } checks[] = {
        {check_identity, false}, {check_leaders, false}, {check_complete, true},
        {check_entries, false},  {check_snapshot, true},
    };
    struct ovsdb_error *error = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(checks) && !error; i++) {
        error = check_pairs(members, n, checks[i].check, checks[i].is_ordered);
    }
    return error;
}

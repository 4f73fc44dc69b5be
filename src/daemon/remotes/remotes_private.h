// SPDX-License-Identifier: Apache-2.0
// What remotes.c and follow.c share: the set of remotes, and who wants each.
#pragma once

#include "basic/htable.h"
#include "daemon/remotes/db_column.h"
#include "daemon/remotes/remotes.h"

// Who wants a remote.
enum remote_origin {
    BY_CONFIGURATION = 1 << 0,
    BY_COMMAND = 1 << 1,
    BY_SERVICE_MANAGER = 1 << 2,
    BY_DATABASE = 1 << 3,
};

struct remote_entry {
    char *target; // as given
    char *key;    // the same for every way to write it
    unsigned origins;
    struct remote_settings settings; // the userdata of `remote`
    struct remote *remote;           // or NULL
    struct db_column *column;        // "db:...", has no `remote`
    char *error;                     // why it has none of both
};

// What reports depend on.
struct remotes_seen {
    uint64_t n_changes;
    uint64_t n_lock_changes;
    bool is_backup;
};

struct remotes {
    struct net *net;
    struct server *server;
    struct databases *databases;
    struct htable entries; // by key
    char **withheld;       // targets that a command has removed though something else wants them
    size_t n_withheld, withheld_capacity;
    bool expects_tls;
    // follow.c
    bool is_named_anew; // a database may name others than before
    bool is_reporting;
    struct remotes_seen seen;
    usec_t reported;           // when it was the last time
    usec_t report_at;          // when it is the next time; USEC_INFINITY: not
    usec_t retry_at;           // the same for those with an error
    usec_t retry_interval;     // before the last attempt; 0: there was none
    bool has_failures_changed; // since remotes_take_failures_changed()
};

struct remote_entry *remotes_find_entry(const struct remotes *remotes, const char *target);
// An entry for a target that has none, not open and with nobody who wants it yet.
struct remote_entry *remotes_insert(struct remotes *remotes, const char *target,
                                    const struct remote_settings *settings);
// 0, or negative errno with the reason in entry->error. -EINVAL: it can never work.
int remotes_open(struct remotes *remotes, struct remote_entry *entry);
// Those with an error are tried again soon.
void remotes_plan_retry(struct remotes *remotes, usec_t now);
void remotes_change(struct remote_entry *entry, const struct remote_settings *settings);
// These want nothing any more; whom nobody wants goes.
void remotes_withdraw(struct remotes *remotes, unsigned origins);
void remotes_remove_unwanted(struct remotes *remotes);
// Those entries, in order of their targets. Caller frees the array.
struct remote_entry **remotes_collect(const struct remotes *remotes,
                                      bool (*belongs)(const struct remote_entry *entry),
                                      size_t *ret_n);
// commanded.c: remotes that a command has removed though something else wants them.
bool remotes_is_withheld(const struct remotes *remotes, const char *target);
void remotes_forget_withheld(struct remotes *remotes);

static inline bool remote_entry_is_unwanted(const struct remote_entry *entry)
{
    return !entry->origins;
}

// SPDX-License-Identifier: Apache-2.0
// The set of remotes and their origins, for remotes.c, follow.c and commanded.c.
#pragma once

#include "basic/htable.h"
#include "daemon/databases/db_column.h"
#include "daemon/remotes/settings.h"

// Where a remote comes from: bits of remote_entry.origins.
enum remote_origin {
    BY_CONFIGURATION = 1 << 0,
    BY_COMMAND = 1 << 1,
    BY_SERVICE_MANAGER = 1 << 2,
    BY_DATABASE = 1 << 3,
};

struct remote_entry {
    char *target; // as given
    char *key;    // equal for all targets that mean the same remote
    unsigned origins;
    struct remote_settings settings; // the userdata of `remote`
    // Exactly one of these three is set once remotes_open() has been called:
    struct remote *remote;    // it is open
    struct db_column *column; // it is "db:..."
    struct failure *failure;  // why it is not open
};

// The state at the last report. A report is due when one of these differs.
struct remotes_seen {
    uint64_t n_changes;
    uint64_t n_lock_changes;
    uint64_t n_role_changes;
};

struct remotes {
    struct net *net;
    struct server *server;
    struct databases *databases;
    struct htable entries; // by key
    char **withheld;       // targets that a command has removed though they have another origin
    size_t n_withheld, withheld_capacity;
    bool expects_tls;
    // follow.c
    bool is_named_anew; // a database may name other remotes than before
    bool is_reporting;  // a commit that changes a followed table is our own report
    struct remotes_seen seen;
    usec_t reported;           // time of the last report
    usec_t report_at;          // time of the next report; USEC_INFINITY: none is due
    usec_t retry_at;           // time of the next attempt to open remotes; USEC_INFINITY: none
    usec_t retry_interval;     // before the last attempt; 0: there was none
    bool has_failures_changed; // since remotes_take_failures_changed()
};

struct remote_entry *remotes_find_entry(const struct remotes *remotes, const char *target);
// Adds an entry, not open and without origin, for a target that has none.
struct remote_entry *remotes_insert(struct remotes *remotes, const char *target,
                                    const struct remote_settings *settings);
// Opens an entry that is not open. False: it is not open, and entry->failure says why. If that is a
// failure with the errno EINVAL, it can never work.
bool remotes_open(struct remotes *remotes, struct remote_entry *entry);
// Plans the next attempt to open entries with a failure, RETRY_INTERVAL_MIN from now or earlier.
void remotes_plan_retry(struct remotes *remotes, usec_t now);
// Applies changed settings; closes the connections if they change what clients may do.
void remotes_change(struct remote_entry *entry, const struct remote_settings *settings);
// Removes these origins from all entries. Then call remotes_remove_unwanted(), which removes the
// entries without origin.
void remotes_withdraw(struct remotes *remotes, unsigned origins);
void remotes_remove_unwanted(struct remotes *remotes);
// The entries for which `belongs` is true, sorted by target. Caller frees the array.
struct remote_entry **remotes_collect(const struct remotes *remotes,
                                      bool (*belongs)(const struct remote_entry *entry),
                                      size_t *ret_n);
// commanded.c: targets that a command has removed though they have another origin.
bool remotes_is_withheld(const struct remotes *remotes, const char *target);
void remotes_forget_withheld(struct remotes *remotes);

static inline bool remote_entry_has_no_origin(const struct remote_entry *entry)
{
    return !entry->origins;
}

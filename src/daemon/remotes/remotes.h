// SPDX-License-Identifier: Apache-2.0
// The remotes that this server listens on or connects to. A remote comes from one or several
// origins:
//
//   - the configuration: --remote and the configuration file
//   - the command ovsdb-server/add-remote
//   - a socket passed by the service manager
//   - a database, if a remote of the configuration or of a command is "db:DB,TABLE,COLUMN"
//     (daemon/remotes/named.h)
//
// Targets that mean the same are one remote: "punix:db.sock" is "punix:RUNDIR/db.sock", and
// "ptcp:6640" is a passed socket with port 6640. A remote is closed when its last origin has
// withdrawn it. Settings from a database count only while databases are the only origins; of
// several rows, the one with the smallest UUID counts.
//
// If a remote of the configuration or a database cannot be opened yet (no such address or folder,
// port in use, key missing), opening it is tried again after a second and then less often. A target
// that can never work, such as wrong syntax, is an error. A command whose remote cannot be opened
// fails at once.
#pragma once

#include "basic/buf.h"
#include "daemon/databases/databases.h"
#include "daemon/remotes/settings.h"

#include <stdbool.h>

struct remotes;

struct remotes *remotes_new(struct net *net, struct server *server, struct databases *databases);
void remotes_free(struct remotes *remotes); // closes all; `databases` must still exist

// Replaces the remotes of the configuration by these `n`. Remotes that are not among them any more
// are closed unless they have another origin. Changed settings take effect; if they change what
// clients may do, the connections are closed. Returns the failure of the first remote that can
// never work; the others are opened nevertheless.
struct failure *remotes_configure(struct remotes *remotes, const struct remote_config *configs,
                                  size_t n);
// Adds a remote for a command. A remote that exists already is no error, and keeps its settings.
struct failure *remotes_add(struct remotes *remotes, const char *target,
                            const struct remote_settings *settings);
// Takes over a listening socket, also on failure. If `is_tls` is false, it changes to TLS when a
// "pssl:" remote with its address is added.
struct failure *remotes_add_fd(struct remotes *remotes, int fd, bool is_tls);
// Removes a remote for a command; a remote that a database names too stays open. False if there is
// no such remote. A remote of the configuration or the service manager becomes withheld: it is not
// opened again until remotes_add().
bool remotes_remove(struct remotes *remotes, const char *target);
// Marks `target` as removed by a command, before remotes_configure() or remotes_add_fd().
void remotes_withhold(struct remotes *remotes, const char *target);
// Removes the mark: the remote is opened the next time that it is configured or added.
void remotes_stop_withholding(struct remotes *remotes, const char *target);
// Calls `visit` for each remote that a command has added, and for each withheld one.
void remotes_visit_commanded(const struct remotes *remotes,
                             void (*visit)(void *userdata, const char *target, bool is_added),
                             void *userdata);
// Whether both targets mean the same remote.
bool remotes_are_same(const char *a, const char *b);
// The socket file of a Unix remote, or NULL for other targets. Caller frees.
char *remotes_socket_file(const char *target);
// The remote that `target` means. NULL if there is none, or it is not open.
struct remote *remotes_find(const struct remotes *remotes, const char *target);
size_t remotes_count(const struct remotes *remotes);
// The number of remotes that are tried again because they could not be opened. *ret_failure is the
// reason of the first of them, or NULL; valid until the next call here. O(remotes).
size_t remotes_count_failed(const struct remotes *remotes, const struct failure **ret_failure);
// Whether that number or reason may have changed since the last call of this function.
bool remotes_take_failures_changed(struct remotes *remotes);
// The targets, sorted: "db:..." itself, but not the remotes that the database names. The caller
// owns the reference.
json_t *remotes_list(const struct remotes *remotes);

// Opens and closes remotes as databases name them, retries remotes that could not be opened, and
// writes reports into rows that name a remote (daemon/remotes/report.h): when something has
// changed, but at most once a second. Call it after input and at remotes_deadline(). True: it has
// committed a transaction, so the server must run again. O(1) if nothing has happened, else
// O(remotes).
bool remotes_run(struct remotes *remotes, usec_t now);
// Only opens and closes remotes as databases name them: for the start, before READY=1.
void remotes_follow(struct remotes *remotes);
usec_t remotes_deadline(const struct remotes *remotes); // USEC_INFINITY: none
// Sets whether TLS options may become available later, from a database or a file. If so, a remote
// that needs TLS is tried again instead of being an error.
void remotes_expect_tls(struct remotes *remotes, bool expects);
// Retries remotes that could not be opened at the next remotes_run(), for TLS options have changed.
void remotes_retry(struct remotes *remotes);

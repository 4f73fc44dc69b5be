// SPDX-License-Identifier: Apache-2.0
// The remotes this server listens on or connects to: from --remote and the configuration file, from
// ovsdb-server/add-remote, sockets passed by the service manager, and those that a database names
// where one of these is "db:DB,TABLE,COLUMN" (daemon/remotes/db_remotes.h). However written, the same
// remote is there once: "punix:db.sock" is "punix:RUNDIR/db.sock", and "ptcp:6640" is the passed
// socket of port 6640. It is there as long as one of these wants it. What a database says about it
// counts while only databases want it, and of several rows the one with the least UUID.
//
// A remote that cannot be listened on or dialled yet (its address or folder is not there, another
// program has the port, a key is missing) is kept and tried again, after a second first and then
// less often, if the configuration or a database names it. What can never work, as wrong syntax, is
// an error, and so is every failure of a command, whose caller sees it.
#pragma once

#include "basic/buf.h"
#include "daemon/databases/databases.h"
#include "net/net.h"

#include <stdbool.h>

struct remotes;

// What a remote's connections are like, and what its clients may do.
struct remote_settings {
    struct remote_options options;
    bool read_only;
    const char *role; // of RBAC; NULL or "": none
};
#define REMOTE_SETTINGS_DEFAULT ((struct remote_settings){.options = REMOTE_OPTIONS_DEFAULT})

struct remote_config {
    const char *target;
    struct remote_settings settings;
};

struct remotes *remotes_new(struct net *net, struct server *server, struct databases *databases);
void remotes_free(struct remotes *remotes); // closes all; before `databases` is freed

// Makes these `n` the remotes that the configuration wants. Those that it wanted before and does
// not want now are closed, unless somebody else wants them; new settings of one that is there
// apply, and where they change what clients may do its connections are closed. NULL, or what is
// wrong with the first that can never work (caller frees); the others are as wanted all the same.
char *remotes_configure(struct remotes *remotes, const struct remote_config *configs, size_t n);
// By command. A remote that is there already is no error, and keeps its settings. NULL, or what is
// wrong (caller frees).
char *remotes_add(struct remotes *remotes, const char *target,
                  const struct remote_settings *settings);
// Adopts a descriptor, which is its own whatever it returns. One that is not said to be of TLS
// becomes so when a pssl: remote of its address is wanted. NULL, or what is wrong (caller frees).
char *remotes_add_fd(struct remotes *remotes, int fd, bool is_tls);
// Removes a remote for a command, unless a database names it. False if there is no such remote. A
// remote of the command line or the service manager is not opened again until remotes_add().
bool remotes_remove(struct remotes *remotes, const char *target);
// Marks `target` as removed by a command, before the command line and the configuration name it.
void remotes_withhold(struct remotes *remotes, const char *target);
// The opposite: it is opened when it is wanted.
void remotes_stop_withholding(struct remotes *remotes, const char *target);
// Calls `visit` for each remote that a command has added, or removed though something else wants
// it.
void remotes_visit_commanded(const struct remotes *remotes,
                             void (*visit)(void *userdata, const char *target, bool is_added),
                             void *userdata);
// Whether both targets mean the same remote.
bool remotes_are_same(const char *a, const char *b);
// However its target is written; NULL if there is none, or it is not open.
struct remote *remotes_find(const struct remotes *remotes, const char *target);
size_t remotes_count(const struct remotes *remotes);
// How many are not open and tried again; *ret_error is why the first of them is not, or NULL. Valid
// until something is called here. O(remotes).
size_t remotes_count_failed(const struct remotes *remotes, const char **ret_error);
// True if that may have changed since this was called last.
bool remotes_take_failures_changed(struct remotes *remotes);
// Appends the targets, sorted, one a line: not those that a database names, but "db:...".
json_t *remotes_list(const struct remotes *remotes);

// Makes the remotes what the databases name by now, tries again those that could not be had, and
// writes into the databases how those do that have a row there: at once when that has changed, but
// at most once a second. To be called after input and at remotes_deadline(). True: it has written,
// so the server is to run again. O(1) if nothing has happened, else O(remotes).
bool remotes_run(struct remotes *remotes, usec_t now);
// The first part alone: at the start, before anybody is told.
void remotes_follow(struct remotes *remotes);
usec_t remotes_deadline(const struct remotes *remotes); // USEC_INFINITY: none
// Whether TLS options may still come: from a database, or from files that are waited for.
void remotes_expect_tls(struct remotes *remotes, bool expects);
// What could not be had may be possible now.
void remotes_retry(struct remotes *remotes);

// SPDX-License-Identifier: Apache-2.0
// The slow log: the transactions whose run took the engine thread longest. It names operations and
// tables, not the values, which the client's role or the socket's permissions may protect.
#pragma once

#include "basic/clock.h"
#include "basic/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct server;

struct slow_transaction {
    usec_t ended;    // by the server's clock
    usec_t duration; // of the run that ended it: operations, commit, not the sync to the disk
    usec_t waited;   // between the request and that run
    char *client;    // name of its session
    char *client_id; // or NULL
    char *role;      // or NULL
    char *database;
    char *operations; // "insert Bridge, update Port (3)": the first kinds, with their numbers
    size_t n_operations;
    size_t request_size; // bytes of the params
    size_t reply_size;   // bytes of the result
    bool failed;
};

struct slow_log_settings {
    size_t size;      // transactions kept; 0: none
    usec_t threshold; // shorter ones are not kept
};
#define SLOW_LOG_SETTINGS_DEFAULT                                                                  \
    ((struct slow_log_settings){.size = 100, .threshold = 10 * USEC_PER_MSEC})
#define SLOW_LOG_MAX_SIZE 10000

// Entries that no longer fit are dropped, the shortest first; those below a new threshold too.
void server_set_slow_log(struct server *server, const struct slow_log_settings *settings);
const struct slow_log_settings *server_slow_log_settings(const struct server *server);
// The transactions kept, the longest first. Borrowed until the server runs or is changed.
const struct slow_transaction *server_slow_log(const struct server *server, size_t *ret_n);
void server_clear_slow_log(struct server *server);

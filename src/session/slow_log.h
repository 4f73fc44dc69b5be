// SPDX-License-Identifier: Apache-2.0
// The slow log: the transactions whose runs took the most time of the engine thread. It contains
// the names of operations and tables but no values, because values may be confidential.
#pragma once

#include "basic/clock.h"
#include "basic/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct server;

struct slow_transaction {
    usec_t ended; // by the server's clock
    // Of the run that ended it: operations and commit, without the sync to disk. If a relay has
    // forwarded it: from then to the reply of the source.
    usec_t duration;
    usec_t waited;   // between the request and that run
    char *client;    // name of the session
    char *client_id; // or NULL
    char *role;      // or NULL
    char *database;
    char *operations; // the first kinds, with their counts: "insert Bridge, update Port (3)"
    size_t n_operations;
    size_t request_size; // bytes of the params
    size_t reply_size;   // bytes of the result
    bool failed;
};

struct slow_log_settings {
    size_t size;      // how many transactions are kept; 0: none
    usec_t threshold; // transactions of a shorter duration are not kept
};
#define SLOW_LOG_SETTINGS_DEFAULT                                                                  \
    ((struct slow_log_settings){.size = 100, .threshold = 10 * USEC_PER_MSEC})
#define SLOW_LOG_MAX_SIZE 10000

// Drops the entries that do not fit into the new size, fastest first, and those below the new
// threshold. `settings->size` must be at most SLOW_LOG_MAX_SIZE.
void server_set_slow_log(struct server *server, const struct slow_log_settings *settings);
const struct slow_log_settings *server_slow_log_settings(const struct server *server);
// The kept transactions, slowest first. Valid until the next call of a function that takes a server
// or session that is not const.
const struct slow_transaction *server_slow_log(const struct server *server, size_t *ret_n);
void server_clear_slow_log(struct server *server);

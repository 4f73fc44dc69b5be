// SPDX-License-Identifier: Apache-2.0
// The TLS options of the server. The value of an option may be a column of a database:
// "db:DB,TABLE,COLUMN" stands for the first string in that column that is not empty, and changes of
// the column are followed. All changes of a turn of the loop take effect together, so that a key
// and its certificate can be replaced in one transaction.
#pragma once

#include "daemon/databases/databases.h"
#include "net/net.h"
#include "net/tls/options.h"

struct tls_settings;

struct tls_settings *tls_settings_new(struct net *net, struct databases *databases);
void tls_settings_free(struct tls_settings *settings); // `net` and `databases` must still exist
// Replaces the options, which are copied. On a failure nothing changes. A wrong value in a database
// is no failure, nor, with `may_wait`, a file that cannot be loaded: it is logged, and loading is
// tried again.
struct failure *tls_settings_set(struct tls_settings *settings, const struct tls_options *options,
                                 bool may_wait);
// Whether TLS may become available later: an option is followed in a database, or loading has
// failed and is tried again.
bool tls_settings_may_change(const struct tls_settings *settings);
// Why the options could not be loaded, or NULL. Valid until the next call here.
const struct failure *tls_settings_failure(const struct tls_settings *settings);
// Loads the options again if a database has changed one, or if it is time for another attempt. Call
// it after input and at tls_settings_deadline(). True: the net has new options.
bool tls_settings_run(struct tls_settings *settings, usec_t now);
usec_t tls_settings_deadline(const struct tls_settings *settings); // USEC_INFINITY: none

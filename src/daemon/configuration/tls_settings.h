// SPDX-License-Identifier: Apache-2.0
// The TLS options of the server, of which each may be a column of a database instead of a value:
// "db:DB,TABLE,COLUMN". Then it is the first string there that is not empty, and is followed. What
// has changed is taken over all at once: a key and its certificate may be changed together.
#pragma once

#include "daemon/databases/databases.h"
#include "net/net.h"
#include "net/tls/options.h"

struct tls_settings;

struct tls_settings *tls_settings_new(struct net *net, struct databases *databases);
void tls_settings_free(struct tls_settings *settings); // before `net` and `databases`
// Replaces the options, which are copied. NULL, or what is wrong with them (caller frees): then all
// stays as it was. A wrong value in a database is no error, nor, with `may_wait`, a file that
// cannot be loaded: the log says what is wrong, and it is tried again.
char *tls_settings_set(struct tls_settings *settings, const struct tls_options *options,
                       bool may_wait);
// TLS may become possible: some options are read from a database, or files are waited for.
bool tls_settings_may_change(const struct tls_settings *settings);
// What is wrong now, or NULL.
const char *tls_settings_error(const struct tls_settings *settings);
// Takes over what databases have changed, or tries again. To be called after input and at
// tls_settings_deadline(). True: the net may have other options now.
bool tls_settings_run(struct tls_settings *settings, usec_t now);
usec_t tls_settings_deadline(const struct tls_settings *settings); // USEC_INFINITY: none

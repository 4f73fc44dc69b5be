// SPDX-License-Identifier: Apache-2.0
// Who we are and whom we trust, now: the TLS options of one or several nets, and what their files
// hold. The files are loaded together: either all of what they hold now is used for new
// connections, or all of what they held before. Connections that exist are not disturbed.
#pragma once

#include "basic/clock.h"
#include "net/tls/material.h"

struct tls_config;

struct tls_config *tls_config_new(void); // no options; one reference is the caller's
struct tls_config *tls_config_ref(struct tls_config *config);
void tls_config_unref(struct tls_config *config);
// Replaces the options, which are copied, and loads the files, unless they are the same. 0, or
// negative errno with the reason in *ret_error (caller frees): an option is wrong, or a file is;
// then all stays as it was.
int tls_config_set(struct tls_config *config, const struct tls_options *options, char **ret_error);
// NULL, or which options are missing for TLS connections to be possible (static).
const char *tls_config_lacks(const struct tls_config *config);
// What was wrong when options were set last, if none are in use since. NULL: nothing. Valid until
// they are set again.
const char *tls_config_fault(const struct tls_config *config);
// Whether the protocols and ciphers are understood, which no file can change. 0 or -EINVAL with the
// reason in *ret_error (caller frees).
int tls_config_check(const struct tls_options *options, char **ret_error);
// The material for a new connection, a reference for the caller. Looks, not more often than once a
// second, whether a file has changed, and loads them again if so. Only if nothing is lacking.
struct tls_material *tls_config_get(struct tls_config *config, usec_t now);
// Loads the files again now. Those in use stay in use if that fails; the log says so either way.
void tls_config_reload(struct tls_config *config);

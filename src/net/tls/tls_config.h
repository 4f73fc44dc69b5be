// SPDX-License-Identifier: Apache-2.0
// The TLS configuration of one or more nets: the options, and the material loaded from their files.
// The files are loaded together. If one cannot be loaded, new connections use all of the previous
// material. Existing connections keep the material that they began with.
#pragma once

#include "basic/clock.h"
#include "net/tls/material.h"

struct tls_config;

struct tls_config *tls_config_new(void); // without options; the caller gets one reference
struct tls_config *tls_config_ref(struct tls_config *config);
void tls_config_unref(struct tls_config *config);
// Copies the options and loads their files. No effect if the options are equal to the present ones.
// Fails if an option or a file is invalid; then options and material do not change.
struct failure *tls_config_set(struct tls_config *config, const struct tls_options *options);
// Returns the name of an option that is missing for TLS connections (static). NULL: none.
const char *tls_config_lacks(const struct tls_config *config);
// Returns why the latest tls_config_set() failed, if there is no material. NULL: it did not fail,
// or there is material. Valid until the options are set again.
const char *tls_config_fault(const struct tls_config *config);
// Checks the protocols and ciphers, without any file.
struct failure *tls_config_check(const struct tls_options *options);
// Returns the material for a new connection, with a reference for the caller. No option may be
// missing (asserted). Checks at most once a second whether a file has changed, and then loads the
// files again.
struct tls_material *tls_config_get(struct tls_config *config, usec_t now);
// Loads the files again now, and logs the result. On an error the loaded material stays in use.
void tls_config_reload(struct tls_config *config);

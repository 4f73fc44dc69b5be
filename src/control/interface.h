// SPDX-License-Identifier: Apache-2.0
// The description of the varlink interface, generated from the command registry.
#pragma once

#include "control/call.h"

#define INTERFACE_SERVICE "org.varlink.service"
#define INTERFACE_CONTROL "org.ovsdbd.control"

// The version of INTERFACE_CONTROL. Raise it whenever the description of the interface changes;
// tests/data/varlink/README says how.
#define INTERFACE_VERSION 3

// Appends the description of one of the two interfaces. Returns false if there is none of this
// name.
bool interface_describe(const struct command_registry *registry, const char *name,
                        struct buf *text);

// SPDX-License-Identifier: Apache-2.0
// The command registry as a varlink interface.
#pragma once

#include "control/call.h"

#define INTERFACE_SERVICE "org.varlink.service"
#define INTERFACE_CONTROL "org.ovsdbd.control"

// Appends the definition of one of the two interfaces. False if there is none of this name.
bool interface_describe(const struct command_registry *registry, const char *name,
                        struct buf *text);

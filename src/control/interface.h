// SPDX-License-Identifier: Apache-2.0
// The registry seen as a varlink interface: its description, and its commands' texts as values.
#pragma once

#include "control/call.h"

#include <jansson.h>

#define INTERFACE_SERVICE "org.varlink.service"
#define INTERFACE_CONTROL "org.ovsdbd.control"

// Appends the definition of one of the two interfaces. False if there is none of this name.
bool interface_describe(const struct command_registry *registry, const char *name,
                        struct buf *text);
// The parameters of the reply that a command's text is. The caller's reference.
json_t *interface_reply(const struct command_type *type, const char *text);

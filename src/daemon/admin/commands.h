// SPDX-License-Identifier: Apache-2.0
// The management commands of ovsdb-server: exit, reload, version; adding, removing and listing
// databases and remotes; compaction; limits.
#pragma once

struct command_registry;
struct parts;
struct status;

// The commands' userdata.
struct admin {
    const struct parts *parts;
    struct status *status;
    // Ends the event loop after the current callback.
    void (*exit)(void *userdata);
    // Reads the configuration file and certificates again, and logs the result.
    struct failure *(*reload)(void *userdata);
    void *userdata;
};

// `admin` must outlive the registry.
void commands_register(struct command_registry *registry, struct admin *admin);

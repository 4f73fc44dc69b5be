// SPDX-License-Identifier: Apache-2.0
// Converts the structures of this layer to those of libraft, and messages back. libraft names a
// server by a 64-bit number: the first half of its UUID.
#pragma once

#include "cluster/message.h"

#include <raft.h>

enum { RAFT_FORM_VERSION = 1 }; // of the messages for which libraft 0.22 has one version

// The caller closes it with raft_configuration_close(), unless libraft takes it over.
void raft_form_configuration(struct raft_configuration *ret, const struct servers *servers);
void raft_form_copy(struct raft_configuration *ret, const struct raft_configuration *from);
// Of a message of the kind MESSAGE_SNAPSHOT. Its configuration is closed as above.
struct raft_snapshot_metadata raft_form_metadata(const struct member_message *snapshot);
// Without the data of the entry, which libraft does not read. raft_form_entries_free() frees an
// array of them.
struct raft_entry raft_form_entry(const struct log_entry *entry);
// An entry that changes the members. The caller frees buf.base with raft_free().
struct raft_entry raft_form_change(uint64_t term, const struct raft_configuration *configuration);
// NULL if n is 0.
struct raft_entry *raft_form_entries(const struct log_entry *entries, size_t n);
void raft_form_entries_free(struct raft_entry *entries, size_t n);

// For all messages but MESSAGE_APPEND and MESSAGE_SNAPSHOT. `address` is borrowed.
struct raft_message raft_form_from_message(const struct member_message *message, struct uuid from,
                                           const char *address);
struct member_message raft_form_to_message(const struct raft_message *from);

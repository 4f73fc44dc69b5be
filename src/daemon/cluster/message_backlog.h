// SPDX-License-Identifier: Apache-2.0
// How many messages of a connection are not completely sent, computed from the number of bytes that
// are not sent. A zeroed struct is that of a new connection. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct backlog_message {
    uint64_t end;  // the bytes queued up to its end
    uint64_t turn; // in which it was queued
};

struct message_backlog {
    struct backlog_message *messages; // those not sent: [first, end)
    size_t first, end, capacity;
    uint64_t queued; // bytes, in total
};

void message_backlog_done(struct message_backlog *backlog);
void message_backlog_add(struct message_backlog *backlog, size_t size, uint64_t turn);
// Returns how many messages are not sent if `unsent` bytes are not, and the turn in which the first
// of them was queued in *ret_turn (0 if there is none). Amortized O(1) for each message added.
size_t message_backlog_count(struct message_backlog *backlog, size_t unsent, uint64_t *ret_turn);

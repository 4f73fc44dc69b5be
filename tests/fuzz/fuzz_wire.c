// SPDX-License-Identifier: Apache-2.0
// Messages between the members of a cluster, one a line, decoded into the same memory. A message
// that is accepted keeps what wire.h promises, and is encoded as text that reads as the same
// message.
#include "cluster/wire.h"
#include "json/framer.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const struct member_message *append)
{
    uint64_t term = append->index_term;

    assert(append->term && append->index_term <= append->term);
    for (size_t i = 0; i < append->n_entries; i++) {
        const struct log_entry *entry = &append->entries[i];

        assert(entry->index == append->index + 1 + i);
        assert(entry->term >= term && entry->term <= append->term);
        assert(!entry->data.data == uuid_is_zero(entry->eid));
        term = entry->term;
    }
}

static void check_message(const struct wire_message *message)
{
    _cleanup_buf_ struct buf first = {0}, second = {0};
    struct wire_memory *memory = NULL;
    struct wire_message again;

    if (message->kind == WIRE_RAFT && message->raft.kind == MESSAGE_APPEND) {
        check_entries(&message->raft);
    }
    wire_put(&first, message);
    assert(!framer_check(buf_slice(&first), SIZE_MAX, NULL, NULL));
    assert(!wire_decode(buf_slice(&first), &memory, &again));
    assert(again.kind == message->kind);
    wire_put(&second, &again);
    assert(slice_equals(buf_slice(&first), buf_slice(&second)));
    wire_memory_free(memory);
}

static void check_line(struct slice line, struct wire_memory **memory)
{
    struct ovsdb_error *error;
    struct wire_message message;
    struct slice value;

    if (framer_check(line, SIZE_MAX, &value, NULL)) {
        return;
    }
    error = wire_decode(value, memory, &message);
    if (error) {
        assert(error->tag && error->details);
        error_free(error);
    } else {
        check_message(&message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct wire_memory *memory = NULL;

    while (rest.size) {
        const char *lf = memchr(rest.data, '\n', rest.size);
        size_t n = lf ? (size_t)(lf - rest.data) : rest.size;

        check_line((struct slice){rest.data, n}, &memory);
        n += lf ? 1 : 0;
        rest = (struct slice){rest.data + n, rest.size - n};
    }
    wire_memory_free(memory);
    return 0;
}

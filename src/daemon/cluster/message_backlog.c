// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/message_backlog.h"

#include "basic/alloc.h"

#include <assert.h>
#include <string.h>

void message_backlog_done(struct message_backlog *backlog)
{
    free(backlog->messages);
    *backlog = (struct message_backlog){0};
}

void message_backlog_add(struct message_backlog *backlog, size_t size, uint64_t turn)
{
    assert(size);
    if (backlog->end == backlog->capacity && backlog->first > backlog->end / 2) {
        backlog->end -= backlog->first;
        memmove(backlog->messages, backlog->messages + backlog->first,
                backlog->end * sizeof(*backlog->messages));
        backlog->first = 0;
    }
    GROW(backlog->messages, backlog->end, backlog->capacity);
    backlog->queued += size;
    backlog->messages[backlog->end++] = (struct backlog_message){backlog->queued, turn};
}

size_t message_backlog_count(struct message_backlog *backlog, size_t unsent, uint64_t *ret_turn)
{
    // Probes are in `unsent`, too, so the result may include messages that are sent.
    uint64_t sent = backlog->queued - MIN(unsent, backlog->queued);

    while (backlog->first < backlog->end && backlog->messages[backlog->first].end <= sent) {
        backlog->first++;
    }
    if (backlog->first == backlog->end) {
        backlog->first = backlog->end = 0;
    }
    *ret_turn = backlog->end ? backlog->messages[backlog->first].turn : 0;
    return backlog->end - backlog->first;
}

// SPDX-License-Identifier: Apache-2.0
#include "net/probe.h"

#include "basic/macro.h"
#include "json/message.h"

#include <assert.h>
#include <string.h>

#define MAX_REPLY 256 // bytes; the reply to a probe is about 40

void probe_alive(struct probe *probe, usec_t now)
{
    probe->last_sign = now;
    probe->sent = 0;
}

void probe_leaves(struct probe *probe, usec_t now)
{
    if (probe->sent) {
        probe->sent = now;
    }
}

void probe_set_interval(struct probe *probe, usec_t interval)
{
    probe->interval = interval;
    if (!interval) {
        probe->sent = 0;
    }
}

usec_t probe_deadline(const struct probe *probe)
{
    assert(probe->interval);
    return MAX(probe->last_sign, probe->sent) + probe->interval;
}

enum probe_action probe_step(struct probe *probe, usec_t now)
{
    if (now < probe_deadline(probe)) {
        return PROBE_WAIT;
    }
    if (probe->sent) {
        return PROBE_EXPIRED;
    }
    probe->sent = now;
    return PROBE_SEND;
}

bool probe_is_reply(struct slice text)
{
    _cleanup_buf_ struct buf scratch = {0};
    struct message message;

    if (text.size > MAX_REPLY || !memmem(text.data, text.size, PROBE_ID, strlen(PROBE_ID)) ||
        message_parse(text, &scratch, &message)) {
        return false;
    }
    return (message.type == MESSAGE_REPLY || message.type == MESSAGE_ERROR) &&
           slice_equals(message.id, SLICE(PROBE_ID));
}

// SPDX-License-Identifier: Apache-2.0
// Inactivity probes: after an interval without input an echo request is sent. If another interval
// passes without input, the peer is regarded as lost. Pure: times are arguments (monotonic).
//
// Input only records its time and moves no timer. The caller's timer may therefore fire early;
// probe_step() then returns PROBE_WAIT.
#pragma once

#include "basic/clock.h"
#include "basic/slice.h"

#include <stdbool.h>

#define PROBE_ID      "\"echo\""
#define PROBE_REQUEST "{\"id\":" PROBE_ID ",\"method\":\"echo\",\"params\":[]}"
#define PROBE_REPLY   "{\"error\":null,\"id\":" PROBE_ID ",\"result\":[]}"

struct probe {
    usec_t interval;  // 0: no probes
    usec_t last_sign; // the latest sign that the peer is alive
    usec_t sent;      // when the unanswered probe was sent; 0: there is none
};

enum probe_action {
    PROBE_WAIT,    // nothing is due
    PROBE_SEND,    // a probe is due; it now counts as sent
    PROBE_EXPIRED, // the probe was not answered in time
};

// The peer has shown at `now` that it is alive.
void probe_alive(struct probe *probe, usec_t now);
// The unanswered probe, if there is one, is sent only at `now`: it was queued behind other output.
// The time for its answer begins now.
void probe_leaves(struct probe *probe, usec_t now);
// Sets the interval. 0 also ends an unanswered probe.
void probe_set_interval(struct probe *probe, usec_t interval);
// When to call probe_step() next. Needs an interval (asserted).
usec_t probe_deadline(const struct probe *probe);
// Decides what is due at `now`. Needs an interval (asserted).
enum probe_action probe_step(struct probe *probe, usec_t now);
// True if the JSON value `text` is a reply to PROBE_REQUEST. O(1) for texts longer than a reply.
bool probe_is_reply(struct slice text);

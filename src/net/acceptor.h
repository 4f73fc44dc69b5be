// SPDX-License-Identifier: Apache-2.0
// A listening socket on the event loop. The owner accepts connections one by one and decides how
// many to accept in a turn of the loop.
#pragma once

#include "basic/clock.h"
#include "net/address.h"

#include <systemd/sd-event.h>

struct acceptor {
    int fd;                  // -1: closed
    sd_event_source *source; // connections wait
    sd_event_source *resume; // the end of a pause
    void (*ready)(void *userdata);
    void *userdata;
};

#define ACCEPTOR_CLOSED ((struct acceptor){.fd = -1})

// Starts watching the non-blocking socket `fd` and takes it over. The loop calls `ready` while
// connections wait; `ready` may close the acceptor. `description` names the event source. Returns
// 0, or negative errno: then `fd` is still the caller's.
int acceptor_open(struct acceptor *acceptor, sd_event *event, int fd, const char *description,
                  void (*ready)(void *userdata), void *userdata);
// Accepts the next connection. Returns its descriptor (non-blocking, close-on-exec) and stores the
// address of its peer in *ret_peer (may be NULL). Errors: -EAGAIN: none waits. -ECONNABORTED: a
// connection ended before it was accepted; try again. Any other: descriptors or memory are short;
// accepting pauses for half a second.
int acceptor_take(struct acceptor *acceptor, struct endpoint *ret_peer);
// Stops calling `ready` for `duration`. Connections wait in the kernel's queue.
void acceptor_pause(struct acceptor *acceptor, usec_t duration);
// Stops calling `ready` until acceptor_resume(). Neither has an effect on a closed acceptor.
void acceptor_suspend(struct acceptor *acceptor);
void acceptor_resume(struct acceptor *acceptor);
// Closes the socket. No effect if it is closed.
void acceptor_close(struct acceptor *acceptor);

// SPDX-License-Identifier: Apache-2.0
#include "service/fd_store.h"

#include "basic/alloc.h"
#include "basic/clock.h"

#include <assert.h>
#include <systemd/sd-daemon.h>

#define BARRIER_TIMEOUT (5 * USEC_PER_SEC)

bool fd_store_is_offered(void)
{
    const char *max = getenv("FDSTORE");

    return max && atoi(max) > 0 && getenv("NOTIFY_SOCKET");
}

int fd_store_push(const char *name, int fd)
{
    // FDPOLL=0: keep the descriptor even if its other end is closed.
    _cleanup_free_ char *text = xasprintf("FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
    int r;

    assert(fd >= 0);
    r = sd_pid_notify_with_fds(0, 0, text, &fd, 1);
    if (r > 0) {
        // The manager may ignore the message of a process that has ended in the meantime.
        r = sd_notify_barrier(0, BARRIER_TIMEOUT);
    }
    return r < 0 ? r : 0;
}

void fd_store_remove(const char *name)
{
    sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

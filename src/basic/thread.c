// SPDX-License-Identifier: Apache-2.0
#include "basic/thread.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

int thread_start(pthread_t *ret, const char *name, void *(*run_mt)(void *userdata), void *userdata)
{
    sigset_t all, before;
    int r;

    assert(strlen(name) <= 15);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(ret, NULL, run_mt, userdata);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!r) {
        pthread_setname_np(*ret, name);
    }
    return -r;
}

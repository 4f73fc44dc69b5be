// SPDX-License-Identifier: Apache-2.0
// The thread and the loop share a reference-counted job. The thread writes the answer, then signals
// the eventfd; the loop reads the answer only after it has read the eventfd. That orders the two
// accesses.
#include "net/resolver.h"

#include "basic/thread.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
    atomic_int refs;
    int fd; // an eventfd, signaled when the answer is there
    char *host;
    char port[8];
    int error;        // of getaddrinfo()
    int system_error; // errno, if `error` is EAI_SYSTEM
    struct addrinfo *answer;
};

struct resolution {
    struct job *job;
    sd_event_source *source;
    resolver_fn *fn;
    void *userdata;
};

static void job_unref(struct job *job)
{
    int refs = atomic_fetch_sub(&job->refs, 1);

    assert(refs > 0);
    if (refs != 1) {
        return;
    }
    if (job->answer) {
        freeaddrinfo(job->answer);
    }
    if (job->fd >= 0) {
        close(job->fd);
    }
    free(job->host);
    free(job);
}

static void *resolve_mt(void *arg)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    const uint64_t one = 1;
    struct job *job = arg;

    job->error = getaddrinfo(job->host, job->port, &hints, &job->answer);
    job->system_error = errno;
    (void)!write(job->fd, &one, sizeof(one));
    job_unref(job);
    return NULL;
}

// Runs the job on a detached thread.
static int start_thread(struct job *job)
{
    pthread_t thread;
    int r;

    atomic_fetch_add(&job->refs, 1);
    r = thread_start(&thread, "resolve", resolve_mt, job);
    if (r < 0) {
        atomic_fetch_sub(&job->refs, 1);
        return r;
    }
    pthread_detach(thread);
    return 0;
}

static void report_answer(struct resolution *resolution)
{
    const struct job *job = resolution->job;
    struct endpoint *endpoints = NULL;
    size_t n = 0, capacity = 0;

    if (job->error) {
        resolution->fn(resolution->userdata,
                       job->error == EAI_SYSTEM ? strerror(job->system_error)
                                                : gai_strerror(job->error),
                       NULL, 0);
        return;
    }
    for (const struct addrinfo *info = job->answer; info; info = info->ai_next) {
        if (info->ai_addrlen <= sizeof(endpoints->storage)) {
            GROW(endpoints, n, capacity);
            endpoints[n].size = info->ai_addrlen;
            memcpy(&endpoints[n++].storage, info->ai_addr, info->ai_addrlen);
        }
    }
    resolution->fn(resolution->userdata, NULL, endpoints, n);
    free(endpoints);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof(count)); // makes what the thread wrote visible
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    report_answer(userdata);
    return 0;
}

int resolver_ask(sd_event *event, const char *host, uint16_t port, resolver_fn *fn, void *userdata,
                 struct resolution **ret)
{
    struct resolution *resolution = NEW(struct resolution);
    struct job *job = NEW(struct job);
    int r;

    *resolution = (struct resolution){.job = job, .fn = fn, .userdata = userdata};
    atomic_init(&job->refs, 1);
    job->host = xstrdup(host);
    snprintf(job->port, sizeof(job->port), "%u", port);
    job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = job->fd < 0
            ? -errno
            : sd_event_add_io(event, &resolution->source, job->fd, EPOLLIN, on_answer, resolution);
    if (r >= 0) {
        sd_event_source_set_description(resolution->source, "name resolved");
        r = start_thread(job);
    }
    if (r < 0) {
        resolution_free(resolution);
        return r;
    }
    *ret = resolution;
    return 0;
}

void resolution_free(struct resolution *resolution)
{
    if (!resolution) {
        return;
    }
    sd_event_source_disable_unref(resolution->source);
    job_unref(resolution->job);
    free(resolution);
}

// SPDX-License-Identifier: Apache-2.0
// Counts of what the program does, since its start. Each is defined in the file that does it:
//
//     COUNTER(commits, "Transactions committed that changed something");
//     ... COUNT(commits); COUNT_N(bytes_sent, n);
//
// "coverage/show" prints them with their rates, and every one of them is a metric of its own.
// Durations are kept likewise ("perf-counters-show"). On the engine thread only.
#pragma once

#include "basic/clock.h"

#define COUNTER_SAMPLE_INTERVAL (5 * USEC_PER_SEC)
#define COUNTER_SAMPLES         12 // of a minute
#define COUNTER_MINUTES         60 // of an hour

struct counter {
    const char *name; // snake_case, the unit in it if there is one; unique
    const char *help; // a sentence without its dot
    uint64_t value;
    uint64_t samples[COUNTER_SAMPLES + 1]; // values at the last times counters_sample() was called
    uint64_t minutes[COUNTER_MINUTES + 1]; // every COUNTER_SAMPLES-th of them
    struct counter *next;
};

#define COUNTER(name_, help_)                                                                      \
    static struct counter counter_##name_ = {.name = #name_, .help = help_};                       \
    __attribute__((constructor)) static void counter_register_##name_(void)                        \
    {                                                                                              \
        counter_register(&counter_##name_);                                                        \
    }                                                                                              \
    struct counter_##name_##_needs_semicolon
#define COUNT(name_)       (counter_##name_.value++)
#define COUNT_N(name_, n_) (counter_##name_.value += (uint64_t)(n_))

void counter_register(struct counter *counter); // not freed
// In order of name; NULL starts, NULL ends.
struct counter *counter_next(struct counter *counter);
struct counter *counter_find(const char *name); // or NULL
// Call every COUNTER_SAMPLE_INTERVAL: the rates are what was counted between calls.
void counters_sample(void);

struct counter_rates {
    double recent, minute, hour; // per second; over what has passed if that is less
};
void counter_rates(const struct counter *counter, struct counter_rates *ret);

// A duration that is at most the bound of a bucket counts in it and in no bucket before it.
#define DURATION_BUCKETS 10
extern const struct duration_bound {
    usec_t bound;
    const char *seconds; // the same, as the metrics show it
} duration_bounds[DURATION_BUCKETS];

struct duration {
    const char *name; // as a counter's, without a unit
    const char *help;
    uint64_t n;
    usec_t total, longest;
    uint64_t buckets[DURATION_BUCKETS]; // those longer than the last bound are in `n` only
    struct duration *next;
};

#define DURATION(name_, help_)                                                                     \
    static struct duration duration_##name_ = {.name = #name_, .help = help_};                     \
    __attribute__((constructor)) static void duration_register_##name_(void)                       \
    {                                                                                              \
        duration_register(&duration_##name_);                                                      \
    }                                                                                              \
    struct duration_##name_##_needs_semicolon

void duration_register(struct duration *duration); // not freed
// In order of name; NULL starts, NULL ends.
struct duration *duration_next(struct duration *duration);
void duration_add(struct duration *duration, usec_t time);
void durations_clear(void);

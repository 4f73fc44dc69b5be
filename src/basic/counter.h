// SPDX-License-Identifier: Apache-2.0
// Counters of events since the program started. Each is defined in the file that counts:
//
//     COUNTER(commits, "Transactions committed that changed something");
//     ... COUNT(commits); COUNT_N(bytes_sent, n);
//
// The command "coverage/show" prints all counters with their rates; each is exported as a metric.
// Durations are collected in the same way; "perf-counters-show" prints them. Engine thread only.
#pragma once

#include "basic/clock.h"

#define COUNTER_SAMPLE_INTERVAL (5 * USEC_PER_SEC)
#define COUNTER_SAMPLES         12 // intervals in a minute
#define COUNTER_MINUTES         60 // minutes in an hour

struct counter {
    const char *name; // unique, snake_case, with the unit if there is one
    const char *help; // a sentence without its full stop
    uint64_t value;
    uint64_t samples[COUNTER_SAMPLES + 1]; // ring: values at the last calls of counters_sample()
    uint64_t minutes[COUNTER_MINUTES + 1]; // ring: every COUNTER_SAMPLES-th sample
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

// Adds a counter of static storage duration. For COUNTER().
void counter_register(struct counter *counter);
// Iterates in order of name: returns the first counter for NULL, and NULL after the last one.
struct counter *counter_next(struct counter *counter);
struct counter *counter_find(const char *name); // NULL if there is none
// Records the current values. To be called every COUNTER_SAMPLE_INTERVAL: rates are the differences
// between samples.
void counters_sample(void);

struct counter_rates {
    double recent, minute, hour; // per second
};
// The rates over the last interval, minute and hour. Where the program has run for less, the rate
// is that of the time since its start.
void counter_rates(const struct counter *counter, struct counter_rates *ret);

// A duration counts in the first bucket whose bound is not less than the duration.
#define DURATION_BUCKETS 10
extern const struct duration_bound {
    usec_t bound;
    const char *seconds; // the same bound in seconds, as the metrics show it
} duration_bounds[DURATION_BUCKETS];

struct duration {
    const char *name; // as a counter's name, without a unit
    const char *help;
    uint64_t n;
    usec_t total, longest;
    uint64_t buckets[DURATION_BUCKETS]; // durations above the last bound count only in `n`
    struct duration *next;
};

#define DURATION(name_, help_)                                                                     \
    static struct duration duration_##name_ = {.name = #name_, .help = help_};                     \
    __attribute__((constructor)) static void duration_register_##name_(void)                       \
    {                                                                                              \
        duration_register(&duration_##name_);                                                      \
    }                                                                                              \
    struct duration_##name_##_needs_semicolon

// Adds a duration of static storage duration. For DURATION().
void duration_register(struct duration *duration);
// Iterates in order of name: returns the first duration for NULL, and NULL after the last one.
struct duration *duration_next(struct duration *duration);
void duration_add(struct duration *duration, usec_t time);
void durations_clear(void);

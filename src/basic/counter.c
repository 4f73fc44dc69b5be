// SPDX-License-Identifier: Apache-2.0
#include "basic/counter.h"

#include "basic/macro.h"

#include <assert.h>
#include <string.h>

const struct duration_bound duration_bounds[DURATION_BUCKETS] = {
    {100, "0.0001"}, {500, "0.0005"}, {1000, "0.001"}, {5000, "0.005"},  {10000, "0.01"},
    {50000, "0.05"}, {100000, "0.1"}, {500000, "0.5"}, {1000000, "1.0"}, {5000000, "5.0"},
};

static struct counter *counters;   // sorted by name
static struct duration *durations; // sorted by name
static uint64_t n_samples;         // calls of counters_sample()

void counter_register(struct counter *counter)
{
    struct counter **where = &counters;

    while (*where && strcmp((*where)->name, counter->name) < 0) {
        where = &(*where)->next;
    }
    assert(!*where || strcmp((*where)->name, counter->name)); // names are unique
    counter->next = *where;
    *where = counter;
}

struct counter *counter_next(struct counter *counter)
{
    return counter ? counter->next : counters;
}

struct counter *counter_find(const char *name)
{
    struct counter *counter = counters;

    while (counter && strcmp(counter->name, name)) {
        counter = counter->next;
    }
    return counter;
}

void counters_sample(void)
{
    for (struct counter *counter = counters; counter; counter = counter->next) {
        counter->samples[n_samples % ARRAY_SIZE(counter->samples)] = counter->value;
        if (n_samples % COUNTER_SAMPLES == 0) {
            uint64_t minute = n_samples / COUNTER_SAMPLES;

            counter->minutes[minute % ARRAY_SIZE(counter->minutes)] = counter->value;
        }
    }
    n_samples++;
}

// The events per second over the last `window` samples, or since the start of the program if there
// are fewer: all counters were 0 then. `ring` has every `length`-th sample; `value` is the last
// one.
static double rate_over(const uint64_t ring[], uint64_t n_ring, uint64_t length, uint64_t window,
                        uint64_t value)
{
    uint64_t last = n_samples - 1;
    uint64_t passed = last + 1;

    assert(n_samples && window <= length * (n_ring - 1));
    if (last >= window) {
        uint64_t first = (last - window + length - 1) / length;

        assert(ring[first % n_ring] <= value); // counters only grow
        value -= ring[first % n_ring];
        passed = last - first * length;
    }
    return (double)value / ((double)passed * COUNTER_SAMPLE_INTERVAL / USEC_PER_SEC);
}

void counter_rates(const struct counter *counter, struct counter_rates *ret)
{
    const uint64_t *samples = counter->samples;
    uint64_t n = ARRAY_SIZE(counter->samples);
    uint64_t value;

    *ret = (struct counter_rates){0};
    if (n_samples) {
        value = samples[(n_samples - 1) % n];
        ret->recent = rate_over(samples, n, 1, 1, value);
        ret->minute = rate_over(samples, n, 1, COUNTER_SAMPLES, value);
        ret->hour = rate_over(counter->minutes, ARRAY_SIZE(counter->minutes), COUNTER_SAMPLES,
                              COUNTER_MINUTES * COUNTER_SAMPLES, value);
    }
}

void duration_register(struct duration *duration)
{
    struct duration **where = &durations;

    while (*where && strcmp((*where)->name, duration->name) < 0) {
        where = &(*where)->next;
    }
    assert(!*where || strcmp((*where)->name, duration->name)); // names are unique
    duration->next = *where;
    *where = duration;
}

struct duration *duration_next(struct duration *duration)
{
    return duration ? duration->next : durations;
}

void duration_add(struct duration *duration, usec_t time)
{
    duration->n++;
    duration->total += time;
    duration->longest = MAX(duration->longest, time);
    for (size_t i = 0; i < DURATION_BUCKETS; i++) {
        if (time <= duration_bounds[i].bound) {
            duration->buckets[i]++;
            break;
        }
    }
}

void durations_clear(void)
{
    for (struct duration *duration = durations; duration; duration = duration->next) {
        duration->n = 0;
        duration->total = duration->longest = 0;
        memset(duration->buckets, 0, sizeof(duration->buckets));
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "simulation.h"

const struct servers *keep_servers(struct simulation *simulation, const struct servers *servers)
{
    struct servers *copy = NEW(struct servers);

    for (size_t i = 0; i < servers->n; i++) {
        servers_add(copy, servers->list[i].id, servers->list[i].address);
    }
    GROW(simulation->kept_servers, simulation->n_kept_servers, simulation->kept_capacity);
    simulation->kept_servers[simulation->n_kept_servers++] = copy;
    return copy;
}

void log_add(struct log_copy *log, const struct log_entry *entries, size_t n)
{
    if (log->n + n > log->capacity) {
        log->capacity = (log->n + n) * 2;
        log->entries = xreallocarray(log->entries, log->capacity, sizeof(*entries));
    }
    if (n) {
        memcpy(log->entries + log->n, entries, n * sizeof(*entries));
    }
    log->n += n;
}

void log_done(struct log_copy *log)
{
    free(log->entries);
    *log = (struct log_copy){0};
}

void contents_append(struct contents *contents, const struct log_entry *entries, size_t n)
{
    uint64_t before = entries[0].index - 1;

    assert_true(before >= contents->snapshot.index);
    assert_true(before <= contents_last(contents));
    contents->log.n = before - contents->before;
    log_add(&contents->log, entries, n);
}

void contents_drop(struct contents *contents, uint64_t index)
{
    size_t n = index - contents->before;

    assert_true(index >= contents->before && n <= contents->log.n);
    contents->log.n -= n;
    memmove(contents->log.entries, contents->log.entries + n,
            contents->log.n * sizeof(*contents->log.entries));
    contents->before = index;
}

void contents_install(struct contents *contents, const struct member_message *snapshot,
                      const struct machine *machine)
{
    contents->snapshot = *snapshot;
    contents->machine = *machine;
    contents->before = snapshot->index;
    contents->log.n = 0;
}

const struct log_entry *contents_entry(const struct contents *contents, uint64_t index)
{
    return index > contents->before && index <= contents_last(contents)
               ? &contents->log.entries[index - contents->before - 1]
               : NULL;
}

uint64_t contents_last(const struct contents *contents)
{
    return contents->before + contents->log.n;
}

bool contents_has(const struct contents *contents, const struct log_entry *entry)
{
    const struct log_entry *found = contents_entry(contents, entry->index);

    return found ? log_entry_equals(found, entry) : entry->index <= contents->snapshot.index;
}

const struct servers *contents_servers(const struct contents *contents, uint64_t index,
                                       uint64_t *ret_index)
{
    for (; index > contents->snapshot.index; index--) {
        const struct log_entry *entry = contents_entry(contents, index);

        if (entry->servers.n) {
            *ret_index = index;
            return &entry->servers;
        }
    }
    *ret_index = contents->snapshot.servers_index;
    return contents->snapshot.servers;
}

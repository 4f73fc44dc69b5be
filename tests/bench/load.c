// SPDX-License-Identifier: Apache-2.0
/*
 * The loads of the benchmark, one per command:
 *
 *     bench-load SOCKET PID LOAD [NAME=NUMBER]...
 *     bench-load ssl:PORT:FILES PID LOAD [NAME=NUMBER]...
 *
 * Each prepares itself, then measures: wall time, CPU time of process PID in all its threads, and
 * its memory before and after. The result is one line of JSON. Row number i of a table always has
 * the same name and UUID, so that one run of the program can ask for what another one stored.
 */
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

/* What the command line says; a load ignores what it has no use for. */
struct options {
    const char *socket;
    pid_t pid;
    uint64_t count;
    uint64_t window;
    uint64_t clients;
    uint64_t rows;
    uint64_t start;
    uint64_t batch;
    uint64_t durable;
};

struct measure {
    clockid_t clock;
    pid_t pid;
    uint64_t wall;
    uint64_t cpu;
    uint64_t memory;
};

/* The private memory of a process in KiB. */
static uint64_t private_memory(pid_t pid)
{
    char line[256];
    uint64_t sum = 0;
    FILE *file;

    snprintf(line, sizeof line, "/proc/%d/smaps_rollup", (int)pid);
    file = fopen(line, "re");
    if (!file) {
        die("%s: %s", line, strerror(errno));
    }
    while (fgets(line, sizeof line, file)) {
        uint64_t value;
        if (sscanf(line, "Private_Clean: %" SCNu64, &value) == 1 ||
            sscanf(line, "Private_Dirty: %" SCNu64, &value) == 1) {
            sum += value;
        }
    }
    fclose(file);
    return sum;
}

static struct measure measure_begin(const struct options *options)
{
    struct measure measure = {.pid = options->pid};
    int r = clock_getcpuclockid(options->pid, &measure.clock);

    if (r) {
        die("process %d: %s", (int)options->pid, strerror(r));
    }
    measure.memory = private_memory(options->pid);
    measure.cpu = clock_ns(measure.clock);
    measure.wall = clock_ns(CLOCK_MONOTONIC);
    return measure;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Sets the latencies that half, and 99 of 100, of the requests did not exceed. 0: not measured. */
static void find_latencies(const struct client *clients, size_t n, uint64_t *ret_p50,
                           uint64_t *ret_p99)
{
    size_t each = n ? clients[0].quota : 0;
    uint64_t *all;

    *ret_p50 = *ret_p99 = 0;
    if (!each || !clients[0].latencies) {
        return;
    }
    all = malloc(n * each * sizeof *all);
    if (!all) {
        die("out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(all + i * each, clients[i].latencies, each * sizeof *all);
    }
    qsort(all, n * each, sizeof *all, compare_numbers);
    *ret_p50 = all[n * each / 2];
    *ret_p99 = all[n * each * 99 / 100];
    free(all);
}

static void measure_end(const struct measure *begin, uint64_t n, const struct client *clients,
                        size_t n_clients)
{
    uint64_t wall = clock_ns(CLOCK_MONOTONIC) - begin->wall;
    uint64_t cpu = clock_ns(begin->clock) - begin->cpu;
    uint64_t own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t n_bytes = 0;
    uint64_t n_messages = 0;
    uint64_t p50, p99;

    find_latencies(clients, n_clients, &p50, &p99);
    for (size_t i = 0; i < n_clients; i++) {
        n_bytes += clients[i].n_bytes;
        n_messages += clients[i].received;
    }
    printf("{\"n\":%" PRIu64 ",\"wall_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64
           ",\"client_cpu_ns\":%" PRIu64 ",\"memory_before_kib\":%" PRIu64
           ",\"memory_after_kib\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"messages\":%" PRIu64
           ",\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64 "}\n",
           n, wall, cpu, own, begin->memory, private_memory(begin->pid), n_bytes, n_messages, p50,
           p99);
}

/* splitmix64: row numbers become UUIDs that are spread like random ones. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

struct uuid_text {
    char data[37];
};

static struct uuid_text row_uuid(uint64_t row)
{
    struct uuid_text text;
    uint64_t high = mix(row * 2);
    uint64_t low = mix(row * 2 + 1);

    snprintf(text.data, sizeof text.data, "%08x-%04x-4%03x-8%03x-%012" PRIx64,
             (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xfff,
             (unsigned)(low >> 52), low & UINT64_C(0xffffffffffff));
    return text;
}

static void begin_transact(struct text *out, uint64_t id)
{
    text_append(out, "{\"id\":%" PRIu64 ",\"method\":\"transact\",\"params\":[\"bench\"", id);
}

static void end_transact(struct text *out)
{
    text_append(out, "]}");
}

static void write_item(struct text *out, uint64_t row)
{
    text_append(out,
                ",{\"op\":\"insert\",\"table\":\"Item\",\"uuid\":\"%s\",\"row\":{"
                "\"name\":\"item-%08" PRIu64 "\",\"n\":%" PRIu64 ",\"ratio\":%" PRIu64
                ".5,\"up\":true,\"tags\":[\"set\",[\"red-%u\",\"blue\"]],"
                "\"conf\":[\"map\",[[\"speed\",\"%u\"],[\"mode\",\"trunk\"]]]}}",
                row_uuid(row).data, row, row % 1000, row % 1000, (unsigned)(row % 7),
                (unsigned)(row % 100));
}

static uint64_t request_number(const struct client *client, uint64_t index)
{
    return client->number * client->quota + index;
}

/* A transaction of batch inserts of new rows. */
static void request_insert(struct client *client, uint64_t index, struct text *out)
{
    const struct options *options = client->aux;
    uint64_t first = options->start + request_number(client, index) * options->batch;

    begin_transact(out, index);
    for (uint64_t i = 0; i < options->batch; i++) {
        write_item(out, first + i);
    }
    if (options->durable) {
        text_append(out, ",{\"op\":\"commit\",\"durable\":true}");
    }
    end_transact(out);
}

static uint64_t any_row(const struct client *client, uint64_t index)
{
    const struct options *options = client->aux;

    return mix(request_number(client, index) + (UINT64_C(1) << 32)) % options->rows;
}

static void request_select(struct client *client, uint64_t index, struct text *out)
{
    begin_transact(out, index);
    text_append(out,
                ",{\"op\":\"select\",\"table\":\"Item\",\"where\":[[\"name\",\"==\","
                "\"item-%08" PRIu64 "\"]],\"columns\":[\"_uuid\",\"n\",\"tags\"]}",
                any_row(client, index));
    end_transact(out);
}

static void request_update(struct client *client, uint64_t index, struct text *out)
{
    begin_transact(out, index);
    text_append(out,
                ",{\"op\":\"update\",\"table\":\"Item\",\"where\":[[\"_uuid\",\"==\","
                "[\"uuid\",\"%s\"]]],\"row\":{\"n\":%" PRIu64 "}}",
                row_uuid(any_row(client, index)).data, index + 1000);
    end_transact(out);
}

static void request_echo(struct client *client, uint64_t index, struct text *out)
{
    text_append(out, "{\"id\":%" PRIu64 ",\"method\":\"echo\",\"params\":[]}", index);
}

static void request_monitor(struct client *client, uint64_t index, struct text *out)
{
    const char *table = client->aux;

    text_append(
        out, "{\"id\":%" PRIu64 ",\"method\":\"monitor\",\"params\":[\"bench\",null,{\"%s\":{}}]}",
        index, table);
}

/* A commit that monitors of the table Event see; the last one carries the marker. */
static void request_event(struct client *client, uint64_t index, struct text *out)
{
    begin_transact(out, index);
    text_append(out,
                ",{\"op\":\"insert\",\"table\":\"Event\",\"row\":{\"n\":%" PRIu64
                ",\"text\":\"%s %" PRIu64 "\"}}",
                index, index + 1 == client->quota ? "end-of-the-events" : "event number", index);
    end_transact(out);
}

/* Transactions that wait for a row that never comes, and so are counted as answered at once; the
 * last request is an echo, whose reply tells that all of them are waiting. */
static void request_wait(struct client *client, uint64_t index, struct text *out)
{
    if (index + 1 == client->quota) {
        request_echo(client, index, out);
        return;
    }
    begin_transact(out, index);
    text_append(out,
                ",{\"op\":\"wait\",\"table\":\"Barrier\",\"where\":[[\"n\",\"==\",7]],"
                "\"columns\":[\"n\"],\"until\":\"==\",\"rows\":[{\"n\":7}]}");
    end_transact(out);
    client->received++;
}

static void set_requests(struct client *clients, size_t n, const struct options *options,
                         request_writer *write)
{
    for (size_t i = 0; i < n; i++) {
        clients[i].write = write;
        clients[i].aux = options;
        clients[i].quota = options->count;
        clients[i].window = options->window;
        if (options->window == 1) {
            clients[i].latencies = calloc(options->count, sizeof *clients[i].latencies);
        }
    }
}

/* Each reply must hold the text `success`, if it is not NULL. */
static void run_requests(const struct options *options, request_writer *write, const char *success)
{
    struct client *clients = clients_connect(options->socket, options->clients);
    struct measure measure;

    set_requests(clients, options->clients, options, write);
    for (size_t i = 0; success && i < options->clients; i++) {
        clients[i].marker = success;
        clients[i].n_markers = options->count;
    }
    measure = measure_begin(options);
    clients_run(clients, options->clients);
    measure_end(&measure, options->clients * options->count, clients, options->clients);
    clients_free(clients, options->clients);
}

static void load_insert(const struct options *options)
{
    run_requests(options, request_insert, NULL);
}

static void load_select(const struct options *options)
{
    run_requests(options, request_select, "\"rows\":[{");
}

static void load_update(const struct options *options)
{
    run_requests(options, request_update, "\"count\":1");
}

/* Clients that each take the initial contents of the table Item. */
static void load_initial(const struct options *options)
{
    struct client *clients = clients_connect(options->socket, options->clients);
    struct measure measure;

    for (size_t i = 0; i < options->clients; i++) {
        clients[i].write = request_monitor;
        clients[i].aux = "Item";
        clients[i].quota = 1;
    }
    measure = measure_begin(options);
    clients_run(clients, options->clients);
    measure_end(&measure, options->clients, clients, options->clients);
    for (size_t i = 0; i < options->clients; i++) {
        if (clients[i].n_bytes < options->rows * 100) {
            die("client %zu received only %" PRIu64 " bytes", i, clients[i].n_bytes);
        }
    }
    clients_free(clients, options->clients);
}

/* One writer, the other clients monitor what it writes. */
static void load_fanout(const struct options *options)
{
    size_t n = options->clients + 1;
    struct client *clients = clients_connect(options->socket, n);
    struct measure measure;

    for (size_t i = 1; i < n; i++) {
        clients[i].write = request_monitor;
        clients[i].aux = "Event";
        clients[i].quota = 1;
    }
    clients_run(clients, n);
    for (size_t i = 1; i < n; i++) {
        clients[i].marker = "end-of-the-events";
        clients[i].n_markers = 1;
    }
    set_requests(clients, 1, options, request_event);
    measure = measure_begin(options);
    clients_run(clients, n);
    measure_end(&measure, options->count, clients, n);
    clients_free(clients, n);
}

/* Inserts while options->rows transactions wait on another table, in ten sessions. */
static void load_waiters(const struct options *options)
{
    size_t n_waiters = options->rows ? 10 : 0;
    struct client *waiters = clients_connect(options->socket, n_waiters);
    struct client *writer = clients_connect(options->socket, 1);
    struct measure measure;

    for (size_t i = 0; i < n_waiters; i++) {
        waiters[i].write = request_wait;
        waiters[i].quota = options->rows / n_waiters + 1;
        waiters[i].window = waiters[i].quota + 1;
    }
    clients_run(waiters, n_waiters);
    set_requests(writer, 1, options, request_insert);
    measure = measure_begin(options);
    clients_run(writer, 1);
    measure_end(&measure, options->count, writer, 1);
    clients_free(writer, 1);
    clients_free(waiters, n_waiters);
}

/* Connections that have said one echo and then stay. */
static void load_idle(const struct options *options)
{
    struct measure measure = measure_begin(options);
    struct client *clients = clients_connect(options->socket, options->clients);

    for (size_t i = 0; i < options->clients; i++) {
        clients[i].write = request_echo;
        clients[i].quota = 1;
    }
    clients_run(clients, options->clients);
    measure_end(&measure, options->clients, clients, options->clients);
    clients_free(clients, options->clients);
}

/* Clients that connect, say one echo and leave, one after another. */
static void load_visit(const struct options *options)
{
    struct measure measure = measure_begin(options);

    for (uint64_t i = 0; i < options->count; i++) {
        struct client *client = clients_connect(options->socket, 1);

        client->write = request_echo;
        client->quota = 1;
        clients_run(client, 1);
        clients_free(client, 1);
    }
    measure_end(&measure, options->count, NULL, 0);
}

static const struct {
    const char *name;
    void (*run)(const struct options *options);
} loads[] = {
    {"insert", load_insert},   {"select", load_select}, {"update", load_update},
    {"initial", load_initial}, {"fanout", load_fanout}, {"waiters", load_waiters},
    {"idle", load_idle},       {"visit", load_visit},
};

static void parse_option(struct options *options, const char *argument)
{
    const struct {
        const char *name;
        uint64_t *value;
    } known[] = {
        {"count", &options->count},     {"window", &options->window},
        {"clients", &options->clients}, {"rows", &options->rows},
        {"start", &options->start},     {"batch", &options->batch},
        {"durable", &options->durable},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t length = strlen(known[i].name);
        if (!strncmp(argument, known[i].name, length) && argument[length] == '=') {
            *known[i].value = strtoull(argument + length + 1, NULL, 10);
            return;
        }
    }
    die("%s: unknown option", argument);
}

int main(int argc, char *argv[])
{
    struct options options = {.count = 1, .window = 1, .clients = 1, .rows = 0, .batch = 1};
    struct rlimit limit;

    if (argc < 4) {
        die("usage: bench-load SOCKET PID LOAD [NAME=NUMBER]...");
    }
    options.socket = argv[1];
    options.pid = atoi(argv[2]);
    for (int i = 4; i < argc; i++) {
        parse_option(&options, argv[i]);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        if (!strcmp(loads[i].name, argv[3])) {
            loads[i].run(&options);
            return EXIT_SUCCESS;
        }
    }
    die("%s: unknown load", argv[3]);
}

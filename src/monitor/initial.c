// SPDX-License-Identifier: Apache-2.0
// A table whose condition lists values that are known by an index is looked up, if these are not
// too many rows; any other one is walked. Contents that were
// asked for before the last walk began use that one.
#include "monitor/initial.h"

#include "monitor/lookup.h"
#include "monitor/row_scan.h"

#define STEP_ROWS  1024  // walked in one step
#define STEP_WORK  1024  // rows looked at and text written, a unit of which is
#define WORK_BYTES 32    // as much as a row looked at for nothing
#define LOOKUP_MAX 16384 // rows looked up, which is done in one step
#define STEP_SENDS 1024  // pieces queued
// Few rows are not left for later, unless they are long.
#define STEPS_AT_ONCE 8
#define AHEAD         8            // rows fetched into the cache before they are looked at
#define KEPT          USEC_PER_SEC // long contents wait so long for another client

#define WORTH_KEEPING 16384 // bytes

enum phase { ASKED, COLLECTING, WRITING, SENDING };

// The rows of one table at the moment, some of which do not match.
struct source {
    bool is_looked_up; // not walked
    struct row *const *rows;
    size_t n;
    struct row **found; // the same if they were looked up
    size_t capacity;
    struct row_texts *texts; // of the walk, if others may use them too
};

struct initial {
    struct view *view;
    struct list node;     // hub->asked
    struct list monitors; // that wait for it
    enum phase phase;
    uint64_t asked_seq;       // the last commit when the last of them came
    struct row_scan *scan;    // a reference
    struct changeset *moment; // a reference
    size_t n_rows;            // that will be looked at, about
    usec_t busy;              // time that initials_run() has spent on it
    struct source *sources;   // parallel to view->spec->tables
    size_t table;             // being written
    size_t row;               // of it, the next
    struct updates updates;
    struct buf buf; // of `updates`
    struct chunks chunks;
};

// How the rows of the tables will be found. Returns about how many will be looked at. O(tables +
// clauses).
static size_t plan(const struct view *view, struct source *sources)
{
    size_t n_rows = 0;

    for (size_t i = 0; i < view->spec->n_tables; i++) {
        const struct monitor_table *table = &view->spec->tables[i];
        struct table *rows = db_table(view->hub->db, table->table);
        size_t n;

        if (table->select & SELECT_INITIAL) {
            sources[i].is_looked_up =
                lookup_is_possible(&table->condition, rows, &n) && n <= LOOKUP_MAX;
            n_rows += sources[i].is_looked_up ? n : table_n_rows(rows);
        }
    }
    return n_rows;
}

// For the monitors of `view`; found as view->asked as long as it may be joined.
static struct initial *initial_new(struct view *view)
{
    struct initial *initial = NEW(struct initial);

    initial->view = view;
    initial->sources = NEW_ARRAY(struct source, view->spec->n_tables + 1);
    initial->n_rows = plan(view, initial->sources);
    list_init(&initial->monitors);
    list_push_back(&view->hub->asked, &initial->node);
    view->asked = initial;
    return initial;
}

static void initial_free(struct initial *initial)
{
    if (initial->view->asked == initial) {
        initial->view->asked = NULL;
    }
    list_remove(&initial->node);
    if (list_is_empty(&initial->view->hub->asked)) {
        row_scan_unref(TAKE_PTR(initial->view->hub->scan));
    }
    row_scan_unref(initial->scan);
    changeset_unref(initial->moment);
    for (size_t i = 0; i < initial->view->spec->n_tables; i++) {
        free(initial->sources[i].found);
    }
    free(initial->sources);
    chunks_done(&initial->updates.chunks);
    chunks_done(&initial->chunks);
    buf_done(&initial->buf);
    free(initial);
}

static void initial_add(struct initial *initial, struct monitor *monitor)
{
    monitor->initial = initial;
    list_push_back(&initial->monitors, &monitor->node);
    if (initial->phase == ASKED) {
        initial->asked_seq = db_tail(initial->view->hub->db)->seq;
    }
}

void initial_remove(struct monitor *monitor)
{
    struct initial *initial = TAKE_PTR(monitor->initial);

    list_remove(&monitor->node);
    if (list_is_empty(&initial->monitors)) {
        initial_free(initial);
    }
}

bool initial_has_begun(const struct initial *initial)
{
    return initial->phase != ASKED;
}

// The tables that are walked, by table index: the caller's. *ret_looks_up: others are looked up.
static bool *walked_tables(const struct initial *initial, bool *ret_looks_up)
{
    const struct monitor_spec *spec = initial->view->spec;
    bool *walked = NEW_ARRAY(bool, (size_t)spec->schema->n_tables + 1);

    *ret_looks_up = false;
    for (size_t i = 0; i < spec->n_tables; i++) {
        if (spec->tables[i].select & SELECT_INITIAL) {
            walked[spec->tables[i].table->index] = !initial->sources[i].is_looked_up;
            *ret_looks_up |= initial->sources[i].is_looked_up;
        }
    }
    return walked;
}

// The hub's walk if it will do, else a new one, which the hub gets if others wait that may use it.
// What is looked up is of now, and so must the walk be then.
static struct row_scan *get_walk(const struct initial *initial)
{
    struct hub *hub = initial->view->hub;
    bool looks_up;
    bool *walked = walked_tables(initial, &looks_up);
    uint64_t seq = looks_up ? db_tail(hub->db)->seq : initial->asked_seq;
    struct row_scan *scan;

    if (hub->scan && row_scan_serves(hub->scan, walked, seq)) {
        free(walked);
        return row_scan_ref(hub->scan);
    }
    scan = row_scan_new(hub->db, walked);
    if (&initial->node == hub->asked.next && !looks_up) {
        row_scan_unref(hub->scan);
        hub->scan = row_scan_ref(scan);
    }
    return scan;
}

static void on_found(void *userdata, struct row *row)
{
    struct source *source = userdata;

    GROW(source->found, source->n, source->capacity);
    source->found[source->n++] = row;
    source->rows = source->found;
}

// Fixes the moment, which keeps the versions of the rows that are looked up, too.
static void begin(struct initial *initial)
{
    const struct view *view = initial->view;

    initial->scan = get_walk(initial);
    initial->moment = changeset_ref(row_scan_moment(initial->scan));
    for (size_t i = 0; i < view->spec->n_tables; i++) {
        const struct monitor_table *table = &view->spec->tables[i];

        if (initial->sources[i].is_looked_up) {
            lookup_run(&table->condition, db_table(view->hub->db, table->table), on_found,
                       &initial->sources[i]);
        }
    }
    initial->phase = COLLECTING;
}

static void begin_writing(struct initial *initial)
{
    const struct monitor_spec *spec = initial->view->spec;
    const struct hub *hub = initial->view->hub;
    // Others wait that may use the same walk.
    bool is_shared = initial->scan == hub->scan && hub->asked.next->next != &hub->asked;

    for (size_t i = 0; i < spec->n_tables; i++) {
        const struct monitor_table *table = &spec->tables[i];
        struct source *source = &initial->sources[i];

        if (!source->is_looked_up && table->select & SELECT_INITIAL) {
            source->rows = row_scan_rows(initial->scan, table->table->index, &source->n);
            source->texts = is_shared ? row_scan_texts(initial->scan, spec, table) : NULL;
        }
    }
    updates_begin(&initial->updates, spec, &initial->buf);
    initial->phase = WRITING;
}

static void write_row(struct initial *initial, const struct monitor_table *table,
                      const struct source *source, size_t i)
{
    struct slice text = SLICE_EMPTY;

    if (!monitor_table_matches(table, source->rows[i])) {
        return;
    }
    if (source->texts) {
        text = row_texts_get(source->texts, i, table);
    }
    if (text.data) {
        updates_initial(&initial->updates, table, text);
    } else {
        updates_row(&initial->updates, table, NULL, source->rows[i], true);
    }
}

// The rows are anywhere in memory.
static void prefetch_row(const struct source *source, size_t i)
{
    if (i < source->n) {
        __builtin_prefetch(source->rows[i]);
        __builtin_prefetch((const char *)source->rows[i] + 64);
    }
}

// Writes the next rows of a table. Returns what that cost, at most about `work`.
static size_t write_rows(struct initial *initial, size_t work)
{
    const struct monitor_table *table = &initial->view->spec->tables[initial->table];
    const struct source *source = &initial->sources[initial->table];
    size_t spent = 0;

    for (; initial->row < source->n && spent < work; initial->row++, spent++) {
        size_t before = initial->updates.chunks.size + initial->buf.size;

        prefetch_row(source, initial->row + AHEAD);
        write_row(initial, table, source, initial->row);
        spent += (initial->updates.chunks.size + initial->buf.size - before) / WORK_BYTES;
    }
    if (initial->row == source->n) {
        initial->row = 0;
        initial->table++;
    }
    return spent;
}

// Lets the view keep long contents that are still what a monitor would get.
static void keep(struct initial *initial, usec_t now)
{
    struct view *view = initial->view;

    if (view->asked == initial) {
        view->asked = NULL;
        if (initial->chunks.size >= WORTH_KEEPING) {
            chunks_copy(&view->initial, &initial->chunks);
            view_keep_initial(view, now + KEPT);
        }
    }
}

static void end_writing(struct initial *initial, usec_t now)
{
    updates_end(&initial->updates, &initial->chunks);
    row_scan_unref(TAKE_PTR(initial->scan));
    keep(initial, now);
    initial->phase = SENDING;
}

static void write_some(struct initial *initial, usec_t now)
{
    for (size_t spent = 0; spent < STEP_WORK;) {
        if (initial->table == initial->view->spec->n_tables) {
            end_writing(initial, now);
            return;
        }
        spent += write_rows(initial, STEP_WORK - spent);
    }
}

static void send_contents(struct monitor *monitor, const struct chunks *contents,
                          struct uuid txn_id)
{
    view_count(monitor, contents, contents->size);
    monitor->view->hub->sink->initial(monitor, contents, txn_id);
}

static size_t count_monitors(const struct initial *initial)
{
    size_t n = 0;

    for (const struct list *node = initial->monitors.next; node != &initial->monitors;
         node = node->next) {
        n++;
    }
    return n;
}

// What making the contents has cost is divided among the monitors.
static void send_some(struct initial *initial)
{
    size_t n_monitors = count_monitors(initial);
    usec_t share = n_monitors ? initial->busy / n_monitors : 0;

    for (size_t n = 0; n < STEP_SENDS && !list_is_empty(&initial->monitors);
         n += initial->chunks.n) {
        struct monitor *monitor = LIST_FIRST(&initial->monitors, struct monitor, node);

        list_remove(&monitor->node);
        monitor->initial = NULL;
        monitor->usage.busy += share;
        initial->busy -= share;
        send_contents(monitor, &initial->chunks, initial->moment->txn_id);
        view_attach(initial->view, monitor, initial->moment);
    }
}

// Goes on for a while. When all is sent it is freed.
// The time that it takes is charged to the monitors if `is_charged`.
static void initial_step(struct initial *initial, usec_t now, bool is_charged)
{
    const struct hub *hub = initial->view->hub;
    usec_t start = hub_time(hub);

    if (initial->phase == ASKED) {
        begin(initial);
    }
    if (initial->phase == COLLECTING && !row_scan_collect(initial->scan, STEP_ROWS)) {
        begin_writing(initial);
    }
    if (initial->phase == WRITING) {
        write_some(initial, now);
    }
    initial->busy += is_charged ? hub_time(hub) - start : 0;
    if (initial->phase == SENDING) {
        send_some(initial);
    }
    if (list_is_empty(&initial->monitors)) {
        initial_free(initial);
    }
}

void initials_run(struct hub *hub, usec_t now)
{
    if (!list_is_empty(&hub->asked)) {
        initial_step(LIST_FIRST(&hub->asked, struct initial, node), now, true);
    }
}

bool monitor_start(struct monitor *monitor, usec_t now)
{
    struct view *view = monitor->view;
    struct hub *hub = view->hub;

    if (view->initial.n) {
        view_keep_initial(view, now + KEPT);
        send_contents(monitor, &view->initial, hub_last_txn_id(hub));
        view_attach(view, monitor, db_tail(hub->db));
    } else if (view->asked) {
        initial_add(view->asked, monitor);
    } else {
        struct initial *initial = initial_new(view);

        initial_add(initial, monitor);
        if (initial->n_rows <= STEP_ROWS) {
            for (int i = 0; i < STEPS_AT_ONCE && monitor->initial; i++) {
                initial_step(initial, now, false);
            }
        }
    }
    return !monitor->initial;
}

void monitor_finish_start(struct monitor *monitor, usec_t now)
{
    while (monitor->initial) {
        initial_step(monitor->initial, now, false);
    }
}

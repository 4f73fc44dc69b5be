// SPDX-License-Identifier: Apache-2.0
// The rows of a table are looked up if its condition lists values of an indexed column and not too
// many rows have them; otherwise the table is scanned. Contents that were requested before the last
// scan began share that scan.
#include "monitor/initial.h"

#include "monitor/lookup.h"
#include "monitor/row_scan.h"
#include "monitor/view.h"

#include "basic/log.h"

#include <assert.h>

LOG_MODULE(session);

#define STEP_ROWS     1024  // rows scanned in one step
#define STEP_WORK     1024  // units of work in one step of writing: each row is one unit,
#define WORK_BYTES    32    // and so are this many bytes of text
#define LOOKUP_MAX    16384 // rows looked up, all in one step
#define STEP_SENDS    1024  // pieces of text sent in one step
#define STEPS_AT_ONCE 8     // steps done by monitor_start() for contents of few rows
#define AHEAD         8     // rows between the one prefetched into the cache and the one written

#define CACHED_MIN  16384        // bytes; shorter contents are not worth caching
#define CACHED_TIME USEC_PER_SEC // how long contents are cached after their last use

enum initial_phase {
    INITIAL_REQUESTED,
    INITIAL_COLLECTING,
    INITIAL_WRITING,
    INITIAL_SENDING,
    INITIAL_N_PHASES
};

static const char *const phase_names[] = {
    [INITIAL_REQUESTED] = "requested",
    [INITIAL_COLLECTING] = "collecting",
    [INITIAL_WRITING] = "writing",
    [INITIAL_SENDING] = "sending",
};
static_assert(ARRAY_SIZE(phase_names) == INITIAL_N_PHASES, "each phase has a name");

// The rows of one table at the moment of the contents. Some may not match the condition.
struct source {
    bool is_looked_up; // otherwise the table is scanned
    struct row *const *rows;
    size_t n;
    struct row **found; // the array behind `rows`, if they were looked up
    size_t capacity;
    struct row_texts *texts; // of the scan, if other contents may share them; else NULL
};

struct initial {
    struct view *view;
    struct list node;     // hub->initials
    struct list monitors; // those that wait for these contents
    enum initial_phase phase;
    uint64_t requested_seq;   // seq of the last commit when the last of them joined
    struct row_scan *scan;    // a reference; in COLLECTING and WRITING
    struct changeset *moment; // a reference; from COLLECTING on
    size_t n_rows;            // about how many rows will be looked at
    usec_t busy;              // time that initials_run() has spent, not yet charged to monitors
    struct source *sources;   // parallel to view->spec->tables
    size_t table;             // index of the table being written
    size_t row;               // index of its next row
    struct updates updates;
    struct buf buf;       // of `updates`
    struct chunks chunks; // the finished text; in SENDING
};

static void initial_set_phase(struct initial *initial, enum initial_phase phase)
{
    static const enum initial_phase next[] = {
        [INITIAL_REQUESTED] = INITIAL_COLLECTING,
        [INITIAL_COLLECTING] = INITIAL_WRITING,
        [INITIAL_WRITING] = INITIAL_SENDING,
        [INITIAL_SENDING] = INITIAL_N_PHASES, // the end
    };

    assert(next[initial->phase] == phase);
    log_dbg("database %s: initial contents: %s -> %s", initial->view->spec->schema->name,
            phase_names[initial->phase], phase_names[phase]);
    initial->phase = phase;
}

// Decides for each table whether its rows are looked up or scanned. Returns about how many rows
// will be looked at. O(tables + clauses).
static size_t plan_sources(const struct view *view, struct source *sources)
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

// New contents for the monitors of `view`, which further ones may join.
static struct initial *initial_new(struct view *view)
{
    struct initial *initial = NEW(struct initial);

    initial->view = view;
    initial->sources = NEW_ARRAY(struct source, view->spec->n_tables + 1);
    initial->n_rows = plan_sources(view, initial->sources);
    list_init(&initial->monitors);
    list_push_back(&view->hub->initials, &initial->node);
    assert(!view->joinable);
    view->joinable = initial;
    view->joinable_is_fixed = false;
    return initial;
}

static void initial_free(struct initial *initial)
{
    assert(list_is_empty(&initial->monitors));
    if (initial->view->joinable == initial) {
        initial->view->joinable = NULL;
    }
    list_remove(&initial->node);
    if (list_is_empty(&initial->view->hub->initials)) {
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
    assert(!monitor->initial && !monitor->batch);
    assert(monitor->view == initial->view);
    monitor->initial = initial;
    list_push_back(&initial->monitors, &monitor->node);
    if (initial->phase == INITIAL_REQUESTED) {
        initial->requested_seq = db_tail(initial->view->hub->db)->seq;
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

// An array that says by table index which tables are scanned; the caller frees it. *ret_looks_up
// says whether other tables are looked up.
static bool *find_scanned_tables(const struct initial *initial, bool *ret_looks_up)
{
    const struct monitor_spec *spec = initial->view->spec;
    bool *scanned = NEW_ARRAY(bool, (size_t)spec->schema->n_tables + 1);

    *ret_looks_up = false;
    for (size_t i = 0; i < spec->n_tables; i++) {
        if (spec->tables[i].select & SELECT_INITIAL) {
            scanned[spec->tables[i].table->index] = !initial->sources[i].is_looked_up;
            *ret_looks_up |= initial->sources[i].is_looked_up;
        }
    }
    return scanned;
}

// Returns a reference to the hub's scan if it covers the tables at a moment not before these
// contents were requested; otherwise to a new scan, which becomes the hub's if other contents may
// share it. Rows that are looked up are the current ones, so a scan beside them must be as current.
static struct row_scan *get_scan(const struct initial *initial)
{
    struct hub *hub = initial->view->hub;
    bool looks_up;
    bool *scanned = find_scanned_tables(initial, &looks_up);
    uint64_t seq = looks_up ? db_tail(hub->db)->seq : initial->requested_seq;
    struct row_scan *scan;

    if (hub->scan && row_scan_serves(hub->scan, scanned, seq)) {
        free(scanned);
        return row_scan_ref(hub->scan);
    }
    scan = row_scan_new(hub->db, scanned);
    if (&initial->node == hub->initials.next && !looks_up) {
        row_scan_unref(hub->scan);
        hub->scan = row_scan_ref(scan);
    }
    return scan;
}

static void on_row_found(void *userdata, struct row *row)
{
    struct source *source = userdata;

    GROW(source->found, source->n, source->capacity);
    source->found[source->n++] = row;
    source->rows = source->found;
}

// Fixes the moment. Holding its change set also keeps the versions of the rows that are looked up
// (I-3).
static void initial_fix_moment(struct initial *initial)
{
    struct view *view = initial->view;

    initial->scan = get_scan(initial);
    initial->moment = changeset_ref(row_scan_moment(initial->scan));
    for (size_t i = 0; i < view->spec->n_tables; i++) {
        const struct monitor_table *table = &view->spec->tables[i];

        if (initial->sources[i].is_looked_up) {
            lookup_run(&table->condition, db_table(view->hub->db, table->table), on_row_found,
                       &initial->sources[i]);
        }
    }
    if (view->joinable == initial) {
        view->joinable_is_fixed = true;
    }
    assert(initial->moment->seq >= initial->requested_seq);
    initial_set_phase(initial, INITIAL_COLLECTING);
}

static void initial_begin_writing(struct initial *initial)
{
    const struct monitor_spec *spec = initial->view->spec;
    const struct hub *hub = initial->view->hub;
    // Other contents are in progress that may use the same scan.
    bool is_shared = initial->scan == hub->scan && hub->initials.next->next != &hub->initials;

    for (size_t i = 0; i < spec->n_tables; i++) {
        const struct monitor_table *table = &spec->tables[i];
        struct source *source = &initial->sources[i];

        if (!source->is_looked_up && table->select & SELECT_INITIAL) {
            source->rows = row_scan_rows(initial->scan, table->table->index, &source->n);
            source->texts = is_shared ? row_scan_texts(initial->scan, spec, table) : NULL;
        }
    }
    updates_begin(&initial->updates, spec, &initial->buf);
    initial_set_phase(initial, INITIAL_WRITING);
}

static void initial_write_row(struct initial *initial, const struct monitor_table *table,
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

// Rows are scattered in memory, so most of the time of a scan would be cache misses.
static void prefetch_row(const struct source *source, size_t i)
{
    if (i < source->n) {
        __builtin_prefetch(source->rows[i]);
        __builtin_prefetch((const char *)source->rows[i] + 64);
    }
}

// Writes the next rows of a table. Returns the units of work done, at most about `work`.
static size_t initial_write_rows(struct initial *initial, size_t work)
{
    const struct monitor_table *table = &initial->view->spec->tables[initial->table];
    const struct source *source = &initial->sources[initial->table];
    size_t spent = 0;

    for (; initial->row < source->n && spent < work; initial->row++, spent++) {
        size_t before = initial->updates.chunks.size + initial->buf.size;

        prefetch_row(source, initial->row + AHEAD);
        initial_write_row(initial, table, source, initial->row);
        spent += (initial->updates.chunks.size + initial->buf.size - before) / WORK_BYTES;
    }
    if (initial->row == source->n) {
        initial->row = 0;
        initial->table++;
    }
    return spent;
}

// Lets the view cache the contents if they are long and still up to date.
static void initial_cache(struct initial *initial, usec_t now)
{
    struct view *view = initial->view;

    if (view->joinable == initial) {
        view->joinable = NULL;
        if (initial->chunks.size >= CACHED_MIN) {
            assert(!view->cached.n);
            chunks_copy(&view->cached, &initial->chunks);
            view_keep_cached(view, now + CACHED_TIME);
        }
    }
}

static void initial_end_writing(struct initial *initial, usec_t now)
{
    updates_end(&initial->updates, &initial->chunks);
    row_scan_unref(TAKE_PTR(initial->scan));
    initial_cache(initial, now);
    initial_set_phase(initial, INITIAL_SENDING);
}

static void initial_write_some(struct initial *initial, usec_t now)
{
    for (size_t spent = 0; spent < STEP_WORK;) {
        if (initial->table == initial->view->spec->n_tables) {
            initial_end_writing(initial, now);
            return;
        }
        spent += initial_write_rows(initial, STEP_WORK - spent);
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

// Divides the time spent on the contents among the monitors that get them.
static void initial_send_some(struct initial *initial)
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

// Does one bounded step. Frees the contents when every monitor has got them, and then returns
// false. The time is charged to the monitors if `is_charged`.
static bool initial_step(struct initial *initial, usec_t now, bool is_charged)
{
    const struct hub *hub = initial->view->hub;
    usec_t start = hub_time(hub);

    if (initial->phase == INITIAL_REQUESTED) {
        initial_fix_moment(initial);
    }
    if (initial->phase == INITIAL_COLLECTING && !row_scan_collect(initial->scan, STEP_ROWS)) {
        initial_begin_writing(initial);
    }
    if (initial->phase == INITIAL_WRITING) {
        initial_write_some(initial, now);
    }
    initial->busy += is_charged ? hub_time(hub) - start : 0;
    if (initial->phase == INITIAL_SENDING) {
        initial_send_some(initial);
    }
    if (list_is_empty(&initial->monitors)) {
        initial_free(initial);
        return false;
    }
    return true;
}

// Does a step for a monitor that waits for its initial contents.
static void monitor_step(struct monitor *monitor, usec_t now)
{
    bool exists = initial_step(monitor->initial, now, false);

    assert(exists || !monitor->initial); // the contents exist as long as a monitor waits for them
}

void initials_run(struct hub *hub, usec_t now)
{
    if (!list_is_empty(&hub->initials)) {
        initial_step(LIST_FIRST(&hub->initials, struct initial, node), now, true);
    }
}

bool monitor_start(struct monitor *monitor, usec_t now)
{
    struct view *view = monitor->view;
    struct hub *hub = view->hub;

    assert(!monitor->batch && !monitor->initial);
    if (view->cached.n) {
        view_keep_cached(view, now + CACHED_TIME);
        send_contents(monitor, &view->cached, hub_last_txn_id(hub));
        view_attach(view, monitor, db_tail(hub->db));
    } else if (view->joinable) {
        initial_add(view->joinable, monitor);
    } else {
        struct initial *initial = initial_new(view);

        initial_add(initial, monitor);
        if (initial->n_rows <= STEP_ROWS) {
            for (int i = 0; i < STEPS_AT_ONCE && monitor->initial; i++) {
                monitor_step(monitor, now);
            }
        }
    }
    return !monitor->initial;
}

void monitor_finish_start(struct monitor *monitor, usec_t now)
{
    while (monitor->initial) {
        monitor_step(monitor, now);
    }
}

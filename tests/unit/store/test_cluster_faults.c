// SPDX-License-Identifier: Apache-2.0
// A disk on which any one step may go wrong while a member appends, votes, makes a snapshot and
// installs one: a write, a sync, a truncation, a rename. The file can be opened afterwards, and has
// everything that was reported to be durable.
#include "cluster_log_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum fault {
    FAULT_NONE,
    FAULT_EIO,       // the step fails
    FAULT_FULL,      // the step, if it is a write, and the next writes fail in their middle
    FAULT_KILL,      // the process ends before the step
    FAULT_TORN,      // the process ends in the middle of the step, if it is a write
    FAULT_POWER_CUT, // the process ends before the step, and what is not synced is lost
    N_FAULTS,
};

#define FULL_WRITES 5 // that fail
#define MAX_FILES   16
#define MAX_CALLS   64

// What the life has reached. It is shared with the process that lives it.
struct reached {
    unsigned n_steps;
    size_t n_calls;              // of cluster_log_append()
    uint64_t indexes[MAX_CALLS]; // of the entries appended by each
    struct uuid eids[MAX_CALLS];
    size_t n_durable;   // calls
    uint64_t vote_term; // of the last vote that was synced
    uint64_t base;      // of the last snapshot that was finished or installed
    bool has_failed;    // failed() was called
    bool is_closed;
};

static struct reached *reached;
static enum fault fault;
static unsigned fault_at;
static int n_full;

// The sizes up to which files are synced.
static struct {
    ino_t inode;
    off_t size;
} synced[MAX_FILES];
static size_t n_synced;

static void note_synced(int fd)
{
    struct stat st;
    size_t i = 0;

    assert_int_equal(fstat(fd, &st), 0);
    while (i < n_synced && synced[i].inode != st.st_ino) {
        i++;
    }
    assert_true(i < MAX_FILES);
    n_synced = MAX(n_synced, i + 1);
    synced[i].inode = st.st_ino;
    synced[i].size = st.st_size;
}

int __real_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);

static void lose_unsynced(const char *path)
{
    struct stat st;
    off_t size = 0;

    if (stat(path, &st) < 0) {
        return;
    }
    for (size_t i = 0; i < n_synced; i++) {
        if (synced[i].inode == st.st_ino) {
            size = synced[i].size;
        }
    }
    if (st.st_size > size && truncate(path, size) < 0) {
        _exit(9);
    }
}

static void end_process(void)
{
    if (fault == FAULT_POWER_CUT) {
        lose_unsynced("c.db");
        lose_unsynced("c.db.tmp");
    }
    _exit(7);
}

// True if this step fails.
static bool strikes(bool is_write)
{
    if (fault == FAULT_NONE) {
        return false;
    }
    if (n_full && is_write) {
        n_full--;
        return true;
    }
    if (++reached->n_steps != fault_at) {
        return false;
    }
    switch (fault) {
    case FAULT_FULL:
        n_full = FULL_WRITES;
        return is_write;
    case FAULT_TORN:
        if (!is_write) {
            end_process();
        }
        return true;
    case FAULT_EIO:
        return true;
    default:
        end_process();
    }
    return true;
}

ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    if (strikes(true)) {
        if (fault != FAULT_EIO && __real_pwrite64(fd, data, size / 2, offset) < 0) {
            _exit(9);
        }
        if (fault == FAULT_TORN) {
            end_process();
        }
        errno = fault == FAULT_FULL ? ENOSPC : EIO;
        return -1;
    }
    return __real_pwrite64(fd, data, size, offset);
}

int __wrap_ftruncate64(int fd, off_t size)
{
    if (strikes(false)) {
        errno = EIO;
        return -1;
    }
    return __real_ftruncate64(fd, size);
}

// What the engine thread does while the helper of a snapshot syncs the new file. The group commit
// is in-line, so both are one thread.
static struct cluster_log *helped_log;
static struct group_commit *helped_group;
static void append_while_helped(void);

static int sync_file(int fd)
{
    if (strikes(false)) {
        errno = EIO;
        return -1;
    }
    if (fault == FAULT_POWER_CUT) {
        note_synced(fd);
    }
    return 0;
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return sync_file(fd);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (helped_log) {
        append_while_helped();
    }
    return sync_file(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (strikes(false)) {
        errno = EIO;
        return -1;
    }
    return __real_rename(from, to);
}

static void on_durable(void *userdata, size_t n)
{
    reached->n_durable += n;
    assert_true(reached->n_durable <= reached->n_calls);
    assert_false(reached->has_failed);
}

static void on_failed(void *userdata, const char *reason)
{
    assert_false(reached->has_failed);
    reached->has_failed = true;
}

static void on_blocked(void *userdata, bool is_blocked, int error)
{
}

static void append_next(struct cluster_log *log, uint64_t term)
{
    struct file_record record = next_entry(log, term);

    assert_true(reached->n_calls < MAX_CALLS);
    reached->indexes[reached->n_calls] = record.entry.index;
    reached->eids[reached->n_calls++] = record.entry.eid;
    append(log, record);
}

static void append_while_helped(void)
{
    append_next(TAKE_PTR(helped_log), 2);
    group_commit_flush(helped_group);
}

static void vote(struct cluster_log *log, uint64_t term)
{
    struct file_record record = {.kind = FILE_RECORD_VOTE,
                                 .term = term,
                                 .server = cluster_log_contents(log)->header.server_id};

    if (cluster_log_append_synced(log, &record, 1)) {
        reached->vote_term = term;
    } else {
        assert_true(cluster_log_contents(log)->term < term);
    }
}

static bool is_ready;

static void on_snapshot_done(void *userdata, const struct ovsdb_error *error)
{
    is_ready = !error;
}

// Flushes the group commit while the new file is ready, if `flushes`.
static void make_snapshot(struct cluster_log *log, struct group_commit *group, uint64_t index,
                          bool flushes)
{
    struct snapshot *rows;
    struct db *db;

    assert_ok(cluster_log_build(log, index, NULL, &db));
    rows = snapshot_new(db);
    snapshot_collect(rows, SIZE_MAX);
    is_ready = false;
    helped_log = log;
    helped_group = group;
    cluster_log_start_snapshot(log, rows, index, on_snapshot_done, NULL);
    helped_log = NULL;
    append_next(log, 2);
    if (flushes) {
        group_commit_flush(group);
        append_next(log, 2);
    }
    if (is_ready) {
        struct ovsdb_error *error = cluster_log_finish_snapshot(log, 2);

        if (!error) {
            reached->base = index;
        }
        error_free(error);
    }
    snapshot_free(rows);
    db_free(db);
}

static void install(struct cluster_log *log)
{
    struct file_header header = member_log_header_at(
        cluster_log_contents(log), member_log_last_index(cluster_log_contents(log)));
    struct ovsdb_error *error;

    header.prev_data = SLICE("[" CLUSTER_SCHEMA ",{}]");
    header.prev_index += 10;
    error = cluster_log_install(log, &header, cluster_log_contents(log)->term,
                                cluster_log_contents(log)->vote);
    if (!error) {
        reached->base = cluster_log_contents(log)->header.prev_index;
    }
    error_free(error);
}

static void live(void)
{
    const struct cluster_log_handler handler = {on_durable, on_failed, on_blocked};
    struct group_commit *group = group_commit_new(NULL, NULL);
    struct cluster_log *log = open_log();
    _cleanup_free_ char *said = NULL;

    cluster_log_join(log, group, &handler, NULL);
    append_next(log, 1);
    append_next(log, 1);
    group_commit_flush(group);
    append_next(log, 1);
    vote(log, 2);
    append_next(log, 2);
    group_commit_flush(group);
    make_snapshot(log, group, 3, true);
    append_next(log, 2);
    make_snapshot(log, group, 5, false);
    append_next(log, 2);
    group_commit_flush(group);
    install(log);
    append_next(log, 2);
    vote(log, 3);
    append_next(log, 3);
    group_commit_flush(group);
    for (int i = 0; i < 2 * FULL_WRITES; i++) {
        cluster_log_retry(log);
    }
    group_commit_flush(group);
    said = log_dump(cluster_log_contents(log));
    cluster_log_close(log);
    reached->is_closed = true;
    fault = FAULT_NONE;
    if (!reached->has_failed) {
        assert_int_equal(reached->n_durable, reached->n_calls);
        assert_file_says(said);
    }
    group_commit_free(group);
}

static void check_file(void)
{
    struct cluster_log *log = open_log();
    const struct member_log *contents = cluster_log_contents(log);

    assert_true(contents->header.prev_index >= reached->base);
    assert_true(contents->term >= reached->vote_term);
    if (reached->vote_term && contents->term == reached->vote_term) {
        assert_true(uuid_equals(contents->vote, contents->header.server_id));
    }
    for (size_t i = 0; i < reached->n_durable; i++) {
        const struct log_entry *entry = member_log_entry(contents, reached->indexes[i]);

        if (reached->indexes[i] > contents->header.prev_index) {
            assert_non_null(entry);
            assert_true(uuid_equals(entry->eid, reached->eids[i]));
        }
    }
    assert_true(rows_of(log) < 20);
    cluster_log_close(log);
}

// Makes the next `n` writes fail.
static void fill_disk(int n)
{
    *reached = (struct reached){0};
    fault = n ? FAULT_FULL : FAULT_NONE;
    fault_at = 0;
    n_full = n;
}

// Records are kept while the disk is full, and written in order when there is space.
static void test_full_disk(void **state)
{
    const struct file_record new_term = {.kind = FILE_RECORD_TERM, .term = 2};
    struct group_commit *group = group_commit_new(NULL, NULL);
    struct told told = {0};
    struct cluster_log *log;
    uint64_t size;

    create_cluster();
    log = open_joined(group, &told);
    size = cluster_log_size(log);
    fill_disk(5);
    for (int i = 0; i < 3; i++) {
        append(log, next_entry(log, 1));
    }
    assert_true(cluster_log_unwritten_size(log) > 0);
    assert_int_equal(cluster_log_size(log), size);
    assert_false(cluster_log_append_synced(log, &new_term, 1));
    assert_int_equal(cluster_log_contents(log)->term, 1);
    assert_int_equal(told.n_blocked, 0); // not before the dispatch
    group_commit_flush(group);
    group_commit_flush(group);
    assert_int_equal(told.n_blocked, 1);
    assert_int_equal(told.error, ENOSPC);
    assert_int_equal(told.n_durable, 0);
    cluster_log_retry(log);
    assert_int_equal(n_full, 0);
    assert_int_equal(cluster_log_size(log), size);
    cluster_log_retry(log);
    assert_int_equal(cluster_log_unwritten_size(log), 0);
    group_commit_flush(group);
    assert_int_equal(told.n_unblocked, 1);
    assert_int_equal(told.n_durable, 3);
    assert_true(cluster_log_append_synced(log, &new_term, 1));
    assert_int_equal(told.n_failed, 0);
    fill_disk(0);
    close_and_compare(log);
    group_commit_free(group);
}

// A vote that cannot be written blocks nothing.
static void test_vote_on_a_full_disk(void **state)
{
    const struct file_record new_term = {.kind = FILE_RECORD_TERM, .term = 2};
    struct group_commit *group = group_commit_new(NULL, NULL);
    struct told told = {0};
    struct cluster_log *log;

    create_cluster();
    log = open_joined(group, &told);
    fill_disk(1);
    assert_false(cluster_log_append_synced(log, &new_term, 1));
    assert_int_equal(cluster_log_contents(log)->term, 1);
    append(log, next_entry(log, 1));
    group_commit_flush(group);
    assert_int_equal(told.n_blocked, 0);
    assert_int_equal(told.n_durable, 1);
    fill_disk(0);
    close_and_compare(log);
    group_commit_free(group);
}

// A snapshot makes the records durable that the old file has no space for.
static void test_snapshot_on_a_full_disk(void **state)
{
    struct group_commit *group = group_commit_new(NULL, NULL);
    struct told told = {0};
    struct snapshot *rows;
    struct cluster_log *log;
    struct db *db;

    create_cluster();
    log = open_joined(group, &told);
    append(log, next_entry(log, 1));
    assert_ok(cluster_log_build(log, 2, NULL, &db));
    rows = snapshot_new(db);
    snapshot_collect(rows, SIZE_MAX);
    fill_disk(1);
    append(log, next_entry(log, 1));
    cluster_log_start_snapshot(log, rows, 2, on_snapshot_done, NULL);
    assert_true(is_ready);
    n_full = 1;
    append(log, next_entry(log, 1));
    assert_int_equal(told.n_durable, 0);
    assert_ok(cluster_log_finish_snapshot(log, 0));
    assert_int_equal(cluster_log_unwritten_size(log), 0);
    group_commit_flush(group);
    assert_int_equal(told.n_durable, 3);
    assert_int_equal(told.n_blocked, 0);
    assert_int_equal(rows_of(log), 4);
    snapshot_free(rows);
    db_free(db);
    fill_disk(0);
    close_and_compare(log);
    group_commit_free(group);
}

// Returns the number of steps of the life up to its end, or 0.
static unsigned live_with(enum fault kind, unsigned at)
{
    int status;
    pid_t pid;

    *reached = (struct reached){0};
    n_synced = 0;
    unlink("c.db");
    unlink("c.db.tmp");
    create_cluster();
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        int fd = open("c.db", O_RDONLY | O_CLOEXEC);

        note_synced(fd);
        close(fd);
        fault = kind;
        fault_at = at;
        live();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 7)) {
        fail_msg("fault %d at step %u: status %d", kind, at, status);
    }
    assert_int_equal(reached->is_closed, WEXITSTATUS(status) == 0);
    check_file();
    return reached->n_steps;
}

static void test_every_step(void **state)
{
    for (enum fault kind = FAULT_EIO; kind < N_FAULTS; kind++) {
        unsigned at = 1;

        while (live_with(kind, at) >= at) {
            at++;
        }
        assert_true(at > 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_disk, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_vote_on_a_full_disk, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_snapshot_on_a_full_disk, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(test_every_step, enter_folder, leave_folder),
    };

    reached =
        mmap(NULL, sizeof(*reached), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (reached == MAP_FAILED) {
        return 1;
    }
    return cmocka_run_group_tests_name("cluster_faults", tests, NULL, NULL);
}

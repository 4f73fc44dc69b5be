// SPDX-License-Identifier: Apache-2.0
#include "cluster_log_unit.h"

#include <inttypes.h>

static void on_durable(void *userdata, size_t n)
{
    struct told *told = userdata;

    assert_true(n);
    told->n_durable += n;
}

static void on_failed(void *userdata, const char *reason)
{
    struct told *told = userdata;

    assert_non_null(reason);
    told->n_failed++;
}

static void on_blocked(void *userdata, bool is_blocked, int error)
{
    struct told *told = userdata;

    assert_int_equal(is_blocked, error != 0);
    told->error = error;
    *(is_blocked ? &told->n_blocked : &told->n_unblocked) += 1;
}

const struct cluster_log_handler told_handler = {on_durable, on_failed, on_blocked};

void create_cluster(void)
{
    _cleanup_schema_ struct schema *schema = schema_of_text(CLUSTER_SCHEMA);
    struct db *db = db_new(schema, uuid_random);

    insert(db, "first");
    assert_ok(cluster_new_create(
        "c.db",
        &(struct cluster_new){.schema = schema, .db = db, .address = "tcp:127.0.0.1:6643"}));
    db_free(db);
}

struct cluster_log *open_log(void)
{
    struct cluster_log *log = NULL;

    assert_ok(cluster_log_open("c.db", NULL, &log, NULL));
    return log;
}

struct cluster_log *open_joined(struct group_commit *group_commit, struct told *told)
{
    struct cluster_log *log = open_log();

    cluster_log_join(log, group_commit, &told_handler, told);
    return log;
}

struct file_record entry_at(uint64_t index, uint64_t term)
{
    static char data[256];
    char row[UUID_TEXT_SIZE];

    snprintf(data, sizeof(data),
             "[null,{\"_is_diff\":true,\"T\":{\"%s\":{\"name\":\"entry %" PRIu64 "\"}}}]",
             uuid_text(uuid_random(), row), index);
    return (struct file_record){
        .kind = FILE_RECORD_ENTRY,
        .entry = {.term = term, .index = index, .data = slice_of(data), .eid = uuid_random()}};
}

struct file_record next_entry(const struct cluster_log *log, uint64_t term)
{
    return entry_at(member_log_last_index(cluster_log_contents(log)) + 1, term);
}

void append(struct cluster_log *log, struct file_record record)
{
    cluster_log_append(log, &record, 1);
}

char *log_dump(const struct member_log *log)
{
    struct buf buf = {0};
    char vote[UUID_TEXT_SIZE];

    file_header_put(&buf, &log->header);
    for (size_t i = 0; i < log->n_entries; i++) {
        buf_putc(&buf, '\n');
        file_record_put(&buf,
                        &(struct file_record){.kind = FILE_RECORD_ENTRY, .entry = log->entries[i]});
    }
    buf_printf(&buf, "\nterm %" PRIu64 ", vote %s, commit index %" PRIu64 ", left %d", log->term,
               uuid_text(log->vote, vote), log->commit_index, log->has_left);
    return buf_steal(&buf);
}

void assert_file_says(const char *expected)
{
    struct cluster_log *log = open_log();
    _cleanup_free_ char *actual = log_dump(cluster_log_contents(log));

    assert_string_equal(actual, expected);
    cluster_log_close(log);
}

void close_and_compare(struct cluster_log *log)
{
    _cleanup_free_ char *expected = log_dump(cluster_log_contents(log));

    cluster_log_close(log);
    assert_file_says(expected);
}

size_t rows_of(const struct cluster_log *log)
{
    uint64_t index = member_log_last_index(cluster_log_contents(log));
    struct db *db;
    size_t n;

    assert_ok(cluster_log_build(log, index, NULL, &db));
    n = count_rows(db);
    db_free(db);
    return n;
}

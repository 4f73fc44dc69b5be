// SPDX-License-Identifier: Apache-2.0
#include "store/cluster_new.h"

#include "cluster/file_record.h"

// The contents of a new cluster are the snapshot before its log, as if they were entry 1 of term 1.
#define FIRST_TERM  1
#define FIRST_INDEX 1

int cluster_new_put_first(struct new_file *file, const struct file_header *header,
                          const struct cluster_new_contents *contents)
{
    _cleanup_buf_ struct buf head = {0};

    file_header_put_open(&head, header);
    buf_puts(&head, ",\"prev_data\":[");
    buf_put_slice(&head, text_slice(contents->schema->json));
    buf_putc(&head, ',');
    return new_file_put_rows_within(file, buf_slice(&head), contents->snapshot, contents->comment,
                                    SLICE("]}"), contents->progress);
}

static int put_first_record(struct new_file *file, const struct cluster_new *content,
                            const struct file_header *header)
{
    struct snapshot *snapshot = NULL;
    int r;

    if (content->db) {
        snapshot = snapshot_new(content->db);
        snapshot_collect(snapshot, SIZE_MAX);
    }
    r = cluster_new_put_first(file, header,
                              &(struct cluster_new_contents){.schema = content->schema,
                                                             .snapshot = snapshot,
                                                             .comment = content->comment,
                                                             .progress = content->progress});
    snapshot_free(snapshot);
    return r;
}

static int put_election_timer(struct new_file *file, unsigned election_timer)
{
    const struct file_record record = {
        .kind = FILE_RECORD_ENTRY,
        .entry = {.term = FIRST_TERM, .index = FIRST_INDEX + 1, .election_timer = election_timer},
    };
    _cleanup_buf_ struct buf text = {0};

    file_record_put(&text, &record);
    return new_file_put_record(file, RECORD_MAGIC_CLUSTER, buf_slice(&text));
}

static int put_cluster(struct new_file *file, const struct new_file_content *new_content)
{
    const struct cluster_new *content = new_content->userdata;
    struct file_header header = {
        .server_id = uuid_random(),
        .cluster_id = uuid_random(),
        .local_address = (char *)content->address,
        .name = content->schema->name,
        .prev_term = FIRST_TERM,
        .prev_index = FIRST_INDEX,
        .prev_eid = uuid_random(),
    };
    int r;

    servers_add(&header.prev_servers, header.server_id, content->address);
    r = put_first_record(file, content, &header);
    servers_done(&header.prev_servers);
    if (!r && content->election_timer) {
        r = put_election_timer(file, content->election_timer);
    }
    return r;
}

struct ovsdb_error *cluster_new_create(const char *path, const struct cluster_new *content)
{
    const struct new_file_content new_content = {
        .put = put_cluster, .userdata = content, .progress = content->progress};

    assert(!content->election_timer || (content->election_timer >= ELECTION_TIMER_MIN &&
                                        content->election_timer <= ELECTION_TIMER_MAX));
    return new_file_create(path, &new_content, -1);
}

static int put_join(struct new_file *file, const struct new_file_content *new_content)
{
    _cleanup_buf_ struct buf text = {0};

    file_header_put(&text, new_content->userdata);
    return new_file_put_record(file, RECORD_MAGIC_CLUSTER, buf_slice(&text));
}

struct ovsdb_error *cluster_new_join(const char *path, const struct file_header *header)
{
    const struct new_file_content new_content = {.put = put_join, .userdata = header};

    assert(!file_header_is_member(header));
    return new_file_create(path, &new_content, -1);
}

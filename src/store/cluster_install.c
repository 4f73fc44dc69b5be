// SPDX-License-Identifier: Apache-2.0
// Replaces the file of a member by a snapshot received from the leader.
#include "store/cluster_log_private.h"

#include "basic/log.h"
#include "store/new_file.h"

#include <assert.h>
#include <errno.h>

LOG_MODULE(store);

struct received {
    const struct file_header *header;
    uint64_t term;
    struct uuid vote;
};

static int put_received(struct new_file *file, const struct new_file_content *content)
{
    const struct received *received = content->userdata;
    const struct file_record record = {.kind = uuid_is_zero(received->vote) ? FILE_RECORD_TERM
                                                                            : FILE_RECORD_VOTE,
                                       .term = received->term,
                                       .server = received->vote};
    _cleanup_buf_ struct buf header = {0}, text = {0};
    int r;

    file_header_put(&header, received->header);
    r = new_file_put_record(file, RECORD_MAGIC_CLUSTER, buf_slice(&header));
    if (!r) {
        file_record_put(&text, &record);
        r = new_file_put_record(file, RECORD_MAGIC_CLUSTER, buf_slice(&text));
    }
    return r;
}

// Makes the contents; takes over *header.
static void use_contents(struct cluster_log *log, const struct received *received,
                         struct file_header *header)
{
    member_log_free(log->contents);
    log->contents = member_log_new(*header);
    *header = (struct file_header){0};
    log->contents->term = received->term;
    log->contents->vote = received->vote;
}

// Sets *ret_is_installed if the new file has the name, also in case of an error.
static struct ovsdb_error *replace_file(struct cluster_log *log, const struct received *received,
                                        bool *ret_is_installed)
{
    const struct new_file_content content = {.put = put_received, .userdata = received};
    struct ovsdb_error *error;
    struct new_file file;

    *ret_is_installed = false;
    if (!cluster_log_check_in_place(log)) {
        return cluster_log_failure_error(log);
    }
    error = new_file_write(log->real_path, &content, log->member.fd, &file);
    if (error) {
        return error;
    }
    error = new_file_install(&file, true);
    if (!file.temp_path) {
        *ret_is_installed = true;
        cluster_log_use_file(log, TAKE_FD(file.fd), file.size);
        if (error) {
            cluster_log_fail(log, -EIO, "the directory of the new file cannot be synced");
        }
    }
    new_file_done(&file);
    return error;
}

struct ovsdb_error *cluster_log_install(struct cluster_log *log, struct file_header *header,
                                        uint64_t term, struct uuid vote)
{
    const struct received received = {header, term, vote};
    struct ovsdb_error *error;
    bool is_installed;

    assert(log->has_joined && file_header_is_member(header) && header->prev_data.data);
    assert(term >= header->prev_term);
    cluster_log_cancel_snapshot(log);
    error = replace_file(log, &received, &is_installed);
    if (is_installed) {
        log_info("%s: replaced by a snapshot of the leader, %lu bytes", log->path,
                 (unsigned long)log->size);
        use_contents(log, &received, header);
    }
    file_header_done(header);
    return error;
}

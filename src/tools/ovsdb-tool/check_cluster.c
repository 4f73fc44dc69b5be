// SPDX-License-Identifier: Apache-2.0
// ovsdb-tool check-cluster: checks the files of a cluster's members and compares them.
#include "cluster/agreement.h"
#include "store/cluster_file.h"
#include "tools/ovsdb-tool/verbs.h"
#include "tools/progress_bar.h"
#include "tools/tool.h"

#include <inttypes.h>
#include <stdio.h>

// Prints events that are no errors but worth knowing. `last_index` is the log's before the record.
static void report_event(const struct cluster_file *file, const struct file_record *record,
                         uint64_t last_index)
{
    uint64_t number = cluster_file_n_records(file) - 1;

    if (record->kind == FILE_RECORD_ENTRY && record->entry.index <= last_index) {
        printf("%s: record %" PRIu64 " replaces the log entries from %" PRIu64 " to %" PRIu64 "\n",
               cluster_file_path(file), number, record->entry.index, last_index);
    }
    if (record->kind == FILE_RECORD_NOTE && !strcmp(record->note, FILE_NOTE_LEFT)) {
        printf("%s: record %" PRIu64 " shows that the server left the cluster\n",
               cluster_file_path(file), number);
    }
}

static struct cluster_file *load(const char *path)
{
    const struct file_record *record;
    struct cluster_file *file;

    tool_check(cluster_file_open(path, progress_bar(), &file));
    for (;;) {
        uint64_t last_index = member_log_last_index(cluster_file_log(file));

        tool_check(cluster_file_next(file, &record));
        if (!record) {
            return file;
        }
        report_event(file, record, last_index);
    }
}

void tool_check_cluster(const struct tool_context *context, int argc, char **argv)
{
    struct cluster_file **files = NEW_ARRAY(struct cluster_file *, (size_t)argc);
    struct agreement_member *members = NEW_ARRAY(struct agreement_member, (size_t)argc);
    size_t n_members = 0, n_entries = 0;

    for (int i = 0; i < argc; i++) {
        const struct member_log *log;

        files[i] = load(argv[i]);
        log = cluster_file_log(files[i]);
        if (file_header_is_member(&log->header)) {
            members[n_members++] = (struct agreement_member){argv[i], log};
            n_entries += log->n_entries;
        } else {
            printf("%s has not joined the cluster, omitting\n", argv[i]);
        }
    }
    tool_check(agreement_check(members, n_members));
    if (!n_entries) {
        tool_fail("all logs are empty: there is nothing to compare");
    }
    for (int i = 0; i < argc; i++) {
        cluster_file_close(files[i]);
    }
    free(members);
    free(files);
}

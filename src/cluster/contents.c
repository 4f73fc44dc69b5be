// SPDX-License-Identifier: Apache-2.0
#include "cluster/contents.h"

#include "json/cursor.h"

static void add_data(struct contents *contents, uint64_t index, struct uuid eid, struct slice json)
{
    struct ovsdb_error *error;
    struct entry_data data;

    if (!json.data) {
        return;
    }
    error = entry_data_decode(json, &data);
    assert(!error); // the record was decoded before
    if (data.schema.data) {
        contents->schema = data.schema;
        contents->schema_index = index;
        contents->schema_eid = eid;
        contents->n_transactions = 0;
    }
    if (data.transaction.data && json_count(data.transaction)) {
        contents->transactions[contents->n_transactions++] =
            (struct contents_transaction){index, eid, data.transaction};
    }
}

void contents_init_to(struct contents *contents, const struct member_log *log, uint64_t index)
{
    const struct file_header *header = &log->header;

    assert(file_header_is_member(header));
    assert(index >= header->prev_index && index <= member_log_last_index(log));
    *contents = (struct contents){.transactions =
                                      NEW_ARRAY(struct contents_transaction, log->n_entries + 1)};
    add_data(contents, header->prev_index, header->prev_eid, header->prev_data);
    for (size_t i = 0; i < (size_t)(index - header->prev_index); i++) {
        const struct log_entry *entry = &log->entries[i];

        add_data(contents, entry->index, entry->eid, entry->data);
    }
    assert(contents->schema.data);
}

void contents_init(struct contents *contents, const struct member_log *log)
{
    contents_init_to(contents, log, member_log_last_index(log));
}

void contents_done(struct contents *contents)
{
    free(contents->transactions);
    *contents = (struct contents){0};
}

// SPDX-License-Identifier: Apache-2.0
#include "cluster/contents.h"

#include "json/cursor.h"

static void add_data(struct contents *contents, uint64_t index, struct slice json)
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
        contents->n_transactions = 0;
    }
    if (data.transaction.data && json_count(data.transaction)) {
        contents->transactions[contents->n_transactions++] =
            (struct contents_transaction){index, data.transaction};
    }
}

void contents_init(struct contents *contents, const struct member_log *log)
{
    assert(file_header_is_member(&log->header));
    *contents = (struct contents){.transactions =
                                      NEW_ARRAY(struct contents_transaction, log->n_entries + 1)};
    add_data(contents, log->header.prev_index, log->header.prev_data);
    for (size_t i = 0; i < log->n_entries; i++) {
        add_data(contents, log->entries[i].index, log->entries[i].data);
    }
    assert(contents->schema.data);
}

void contents_done(struct contents *contents)
{
    free(contents->transactions);
    *contents = (struct contents){0};
}

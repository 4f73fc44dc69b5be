// SPDX-License-Identifier: Apache-2.0
// A store watches the identity of its file (file_mark.h).
#include "store/store_private.h"

void store_mark_file(struct store *store)
{
    file_mark_set(&store->mark, store->member.fd, store->size);
}

// The new file of a compaction or conversion is installed before the store uses it.
static const char *find_loss(const struct store *store)
{
    const int replacements[] = {store->member.twin_fd, store_conversion_fd(store)};

    return file_mark_find_loss(&store->mark, store->absolute_path, store->member.fd, store->size,
                               replacements);
}

bool store_check_in_place(struct store *store)
{
    const char *loss;

    if (!store->lockfile || store->failure) {
        return !store->is_displaced;
    }
    loss = find_loss(store);
    if (loss) {
        store->is_displaced = true;
        store_fail(store, 0, loss);
        group_commit_member_check(&store->member);
    }
    return !loss;
}

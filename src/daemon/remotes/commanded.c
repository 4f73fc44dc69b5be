// SPDX-License-Identifier: Apache-2.0
// The changes that commands have made to the set of remotes: added remotes, and removed ones that
// the configuration or the service manager names ("withheld").
#include "daemon/remotes/entries.h"
#include "daemon/remotes/remotes.h"

// The index of the target in `withheld`, or n_withheld.
static size_t find_withheld(const struct remotes *remotes, const char *target)
{
    size_t i = 0;

    while (i < remotes->n_withheld && !remotes_are_same(remotes->withheld[i], target)) {
        i++;
    }
    return i;
}

bool remotes_is_withheld(const struct remotes *remotes, const char *target)
{
    return find_withheld(remotes, target) < remotes->n_withheld;
}

void remotes_withhold(struct remotes *remotes, const char *target)
{
    if (!remotes_is_withheld(remotes, target)) {
        GROW(remotes->withheld, remotes->n_withheld, remotes->withheld_capacity);
        remotes->withheld[remotes->n_withheld++] = xstrdup(target);
    }
}

void remotes_stop_withholding(struct remotes *remotes, const char *target)
{
    size_t i = find_withheld(remotes, target);

    if (i < remotes->n_withheld) {
        free(remotes->withheld[i]);
        remotes->withheld[i] = remotes->withheld[--remotes->n_withheld];
    }
}

void remotes_forget_withheld(struct remotes *remotes)
{
    for (size_t i = 0; i < remotes->n_withheld; i++) {
        free(remotes->withheld[i]);
    }
    free(remotes->withheld);
    remotes->withheld = NULL;
    remotes->n_withheld = remotes->withheld_capacity = 0;
}

static bool is_commanded(const struct remote_entry *entry)
{
    return entry->origins & BY_COMMAND;
}

void remotes_visit_commanded(const struct remotes *remotes,
                             void (*visit)(void *userdata, const char *target, bool is_added),
                             void *userdata)
{
    size_t n;
    _cleanup_free_ struct remote_entry **entries = remotes_collect(remotes, is_commanded, &n);

    for (size_t i = 0; i < n; i++) {
        visit(userdata, entries[i]->target, true);
    }
    for (size_t i = 0; i < remotes->n_withheld; i++) {
        visit(userdata, remotes->withheld[i], false);
    }
}

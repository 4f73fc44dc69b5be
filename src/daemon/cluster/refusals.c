// SPDX-License-Identifier: Apache-2.0
#include "daemon/cluster/refusals.h"

#include "basic/alloc.h"
#include "basic/str.h"

static void refusal_done(struct refusal *refusal)
{
    free(refusal->subject);
    free(refusal->reason);
    *refusal = (struct refusal){0};
}

void refusals_done(struct refusals *refusals)
{
    for (size_t i = 0; i < REFUSALS_KEPT; i++) {
        refusal_done(&refusals->list[i]);
    }
}

static struct refusal *find_refusal(struct refusals *refusals, const char *subject)
{
    for (size_t i = 0; i < REFUSALS_KEPT; i++) {
        if (str_equals(refusals->list[i].subject, subject)) {
            return &refusals->list[i];
        }
    }
    return NULL;
}

bool refusals_add(struct refusals *refusals, const char *subject, const char *reason)
{
    struct refusal *refusal = find_refusal(refusals, subject);

    if (refusal && str_equals(refusal->reason, reason)) {
        return false;
    }
    if (!refusal) {
        refusal = &refusals->list[refusals->next];
        refusals->next = (refusals->next + 1) % REFUSALS_KEPT;
        refusal_done(refusal);
        refusal->subject = xstrdup(subject);
    }
    free(refusal->reason);
    refusal->reason = xstrdup(reason);
    return true;
}

void refusals_forget(struct refusals *refusals, const char *subject)
{
    struct refusal *refusal = find_refusal(refusals, subject);

    if (refusal) {
        refusal_done(refusal);
    }
}

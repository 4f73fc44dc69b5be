// SPDX-License-Identifier: Apache-2.0
// A server has few databases: a list serves.
#include "replication/resume.h"

#include "basic/alloc.h"
#include "basic/buf.h"
#include "basic/list.h"

#include <stdlib.h>
#include <string.h>

struct point {
    struct list node;
    char *db;
    struct buf request;
    struct uuid txn_id;
};

struct resume {
    struct list points;
};

struct resume *resume_new(void)
{
    struct resume *resume = NEW(struct resume);

    list_init(&resume->points);
    return resume;
}

static struct point *resume_point(const struct resume *resume, const char *db)
{
    struct point *point;

    LIST_FOREACH (point, &resume->points, node) {
        if (!strcmp(point->db, db)) {
            return point;
        }
    }
    return NULL;
}

static void point_free(struct point *point)
{
    list_remove(&point->node);
    buf_done(&point->request);
    free(point->db);
    free(point);
}

void resume_free(struct resume *resume)
{
    if (resume) {
        resume_forget_all(resume);
        free(resume);
    }
}

void resume_set(struct resume *resume, const char *db, struct slice request, struct uuid txn_id)
{
    struct point *point = resume_point(resume, db);

    if (!point) {
        point = NEW(struct point);
        point->db = xstrdup(db);
        list_push_back(&resume->points, &point->node);
    }
    if (!slice_equals(buf_slice(&point->request), request)) {
        buf_clear(&point->request);
        buf_put_slice(&point->request, request);
    }
    point->txn_id = txn_id;
}

bool resume_find(const struct resume *resume, const char *db, struct slice request,
                 struct uuid *ret)
{
    const struct point *point = resume_point(resume, db);

    if (!point || !slice_equals(buf_slice(&point->request), request)) {
        return false;
    }
    *ret = point->txn_id;
    return true;
}

void resume_forget(struct resume *resume, const char *db)
{
    struct point *point = resume_point(resume, db);

    if (point) {
        point_free(point);
    }
}

void resume_forget_all(struct resume *resume)
{
    struct point *point, *next;

    LIST_FOREACH_SAFE (point, next, &resume->points, node) {
        point_free(point);
    }
}

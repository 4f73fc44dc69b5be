// SPDX-License-Identifier: Apache-2.0
#include "random_transaction.h"

#include "engine_fixture.h"

#include <stdlib.h>

int random_below(int n)
{
    return (int)(random() % n);
}

// One to four operations on rows whose names are small numbers, so that they meet each other again.
static void put_operation(struct buf *buf, int i)
{
    static const char *const mutators[] = {"insert", "delete"};
    int a = random_below(8), b = random_below(8);

    buf_puts(buf, i ? "," : "");
    switch (random_below(11)) {
    case 0: // a part, and an owner that keeps it
        buf_printf(buf,
                   "{\"op\":\"insert\",\"table\":\"Part\",\"uuid-name\":\"p%d\",\"row\":{\"name\":"
                   "\"%d\"}},{\"op\":\"insert\",\"table\":\"Owner\",\"uuid-name\":\"o%d\",\"row\":"
                   "{\"name\":\"%d\",\"parts\":[\"named-uuid\",\"p%d\"],\"likes\":[\"named-uuid\","
                   "\"p%d\"]}}",
                   i, a, i, b, i, i);
        break;
    case 1: // an owner more, whose friend is itself, and who is needed by a crew
        buf_printf(buf,
                   "{\"op\":\"insert\",\"table\":\"Owner\",\"uuid-name\":\"f%d\",\"row\":{\"name\":"
                   "\"%d\",\"friends\":[\"map\",[[[\"named-uuid\",\"f%d\"],\"self\"]]]}},"
                   "{\"op\":\"insert\",\"table\":\"Crew\",\"row\":{\"name\":\"%d\",\"members\":"
                   "[\"named-uuid\",\"f%d\"]}}",
                   i, a, i, b, i);
        break;
    case 2:
        buf_printf(
            buf, "{\"op\":\"delete\",\"table\":\"Owner\",\"where\":[[\"name\",\"==\",\"%d\"]]}", a);
        break;
    case 3:
        buf_printf(
            buf, "{\"op\":\"delete\",\"table\":\"Crew\",\"where\":[[\"name\",\"==\",\"%d\"]]}", a);
        break;
    case 4: // releases parts, which are collected
        buf_printf(buf,
                   "{\"op\":\"update\",\"table\":\"Owner\",\"where\":[[\"name\",\"==\",\"%d\"]],"
                   "\"row\":{\"parts\":[\"set\",[]],\"name\":\"%d\"}}",
                   a, b);
        break;
    case 5: // a key of an index moves from row to row
        buf_printf(buf,
                   "{\"op\":\"delete\",\"table\":\"Limited\",\"where\":[[\"a\",\"==\",%d]]},"
                   "{\"op\":\"insert\",\"table\":\"Limited\",\"row\":{\"a\":%d,\"b\":\"%d\"}}",
                   b, a, a);
        break;
    case 6:
        buf_printf(buf, "{\"op\":\"delete\",\"table\":\"Limited\",\"where\":[[\"a\",\"<\",%d]]}",
                   a);
        break;
    case 7:
        buf_printf(buf,
                   "{\"op\":\"mutate\",\"table\":\"Thing\",\"where\":[[\"i\",\"==\",%d]],"
                   "\"mutations\":[[\"si\",\"%s\",[\"set\",[%d,%d]]],[\"i\",\"+=\",1]]}",
                   a, mutators[random_below(2)], a + 10, b + 20);
        break;
    case 8:
        buf_printf(buf, "{\"op\":\"delete\",\"table\":\"Thing\",\"where\":[[\"i\",\"==\",%d]]}", a);
        break;
    case 9: // a strong key goes with its weak value
        buf_printf(buf,
                   "{\"op\":\"insert\",\"table\":\"Part\",\"uuid-name\":\"q%d\",\"row\":{\"name\":"
                   "\"%d\"}},{\"op\":\"insert\",\"table\":\"Owner\",\"uuid-name\":\"w%d\",\"row\":"
                   "{\"name\":\"%d\"}},{\"op\":\"insert\",\"table\":\"Mixed\",\"row\":{\"pairs\":"
                   "[\"map\",[[[\"named-uuid\",\"q%d\"],[\"named-uuid\",\"w%d\"]]]]}}",
                   i, a, i, b, i, i);
        break;
    default:
        buf_printf(buf,
                   "{\"op\":\"insert\",\"table\":\"Thing\",\"row\":{\"i\":%d,\"s\":\"%d\","
                   "\"fleeting\":\"%d\",\"ms\":[\"map\",[[\"a\",\"%d\"]]]}}",
                   a, b, a, b);
    }
}

bool random_transaction(struct db *db)
{
    _cleanup_buf_ struct buf operations = {0};
    struct changeset *before = db_tail(db);
    int n = 1 + random_below(4);

    for (int i = 0; i < n; i++) {
        put_operation(&operations, i);
    }
    fixture_run(db, "%s", buf_cstr(&operations));
    return db_tail(db) != before;
}

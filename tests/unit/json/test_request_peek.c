// SPDX-License-Identifier: Apache-2.0
// Finds the id of a request at any position in the request, for any split into pieces.
#include "unit.h"
#include "json/request_peek.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *text;
    const char *id; // NULL: none to be found
} cases[] = {
    {"{\"id\":5,\"method\":\"a\",\"params\":[]}", "5"},
    {"{\"method\":\"a\",\"params\":[{\"id\":1},[\"id\"],\"id\"],\"id\" : \"x y\"}", "\"x y\""},
    {"{\"params\":[\"\\\"}],\\\\\"],\"id\":[ 1, {\"b\" : null} ],\"method\":\"a\"}",
     "[1,{\"b\":null}]"},
    {"{\"id\":\"\\\"}\\\\\",\"method\":\"a\"}", "\"\\\"}\\\\\""},
    {"{\"id\":1,\"id\":2,\"method\":\"a\"}", "2"},
    {" {\"method\":\"a\",\"params\":{},\"id\":-1.5e3}", "-1.5e3"},
    {"{\"id\":null,\"method\":\"a\"}", NULL},
    {"{\"method\":\"a\",\"params\":[]}", NULL},
    {"{\"id\":5,\"result\":[],\"error\":null}", NULL},
    {"{\"identity\":5,\"a name that is longer than the buffer\":6,\"method\":\"a\"}", NULL},
    {"[\"id\",5,\"method\"]", NULL},
    {"[{\"id\":5,\"method\":\"a\"}]", NULL},
    {"\"id\"", NULL},
    {"{}", NULL},
};

static void check(const struct request_peek *peek, const char *id)
{
    struct slice found = {"", 0};

    assert_int_equal(request_peek_id(peek, &found), id != NULL);
    if (id && !slice_is(found, id)) {
        fail_msg("found " SLICE_FORMAT " instead of %s", SLICE_ARGS(found), id);
    }
}

static void test_every_split(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct slice text = slice_of(cases[i].text);

        for (size_t at = 0; at <= text.size; at++) {
            struct request_peek peek = {0};

            request_peek_feed(&peek, (struct slice){text.data, at});
            request_peek_feed(&peek, (struct slice){text.data + at, text.size - at});
            check(&peek, cases[i].id);
        }
    }
}

// The longest id, and one that is too long.
static void test_long_ids(void **state)
{
    for (int size = REQUEST_PEEK_MAX_ID - 2; size <= REQUEST_PEEK_MAX_ID; size++) {
        struct request_peek peek = {0};
        char id[2 * REQUEST_PEEK_MAX_ID], text[4 * REQUEST_PEEK_MAX_ID];

        snprintf(id, sizeof(id), "\"%0*d\"", size, 0);
        snprintf(text, sizeof(text), "{\"id\":%s,\"method\":\"a\"}", id);
        request_peek_feed(&peek, slice_of(text));
        check(&peek, size + 2 <= REQUEST_PEEK_MAX_ID ? id : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_long_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

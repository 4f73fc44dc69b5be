// SPDX-License-Identifier: Apache-2.0
#include "control/accept.h"
#include "unit.h"

#define REQUEST     "GET /metrics HTTP/1.1\r\n"
#define OPENMETRICS "application/openmetrics-text"

static void test_formats(void **state)
{
    static const struct {
        const char *fields;
        bool expected;
    } table[] = {
        {"", false},
        {"Accept: */*\r\n", false},
        {"Accept: text/plain\r\n", false},
        {"Accept: text/*, application/*\r\n", false},
        {"Accept: " OPENMETRICS "\r\n", true},
        {"accept:" OPENMETRICS "\r\n", true},
        {"ACCEPT : Application/OpenMetrics-Text ; Version=1.0.0\r\n", true},
        {"X-Accept: " OPENMETRICS "\r\n", false},
        {"Accept-Encoding: " OPENMETRICS "\r\n", false},
        {"Host: x\r\nAccept: " OPENMETRICS "\r\nUser-Agent: y\r\n", true},
        {"Accept: text/plain\r\nAccept: " OPENMETRICS "\r\n", true},
        // Prometheus 2.42
        {"Accept: " OPENMETRICS ";version=1.0.0," OPENMETRICS
         ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n",
         true},
        // the other way round
        {"Accept: " OPENMETRICS ";q=0.5,text/plain;q=0.75\r\n", false},
        {"Accept: " OPENMETRICS "; q=0.75 , text/plain; q=0.750\r\n", true},
        {"Accept: " OPENMETRICS ";q=0.749,text/plain;q=0.75\r\n", false},
        {"Accept: " OPENMETRICS ";q=0\r\n", false},
        {"Accept: " OPENMETRICS ";q=0.000\r\n", false},
        {"Accept: " OPENMETRICS ";q=1.5\r\n", false},
        {"Accept: " OPENMETRICS ";q=\r\n", false},
        {"Accept: " OPENMETRICS ";q=x\r\n", false},
        {"Accept: " OPENMETRICS ";q=99999999999999999999\r\n", false},
        {"Accept: " OPENMETRICS ";q\r\n", false},
        {"Accept: ,,;;=,;q=1," OPENMETRICS "\r\n", true},
        {"Accept:\r\n", false},
        {"Accept\r\n", false},
        {OPENMETRICS "\r\n", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *request = xasprintf(REQUEST "%s\r\n", table[i].fields);

        if (accept_wants_openmetrics(slice_of(request)) != table[i].expected) {
            fail_msg("%s", table[i].fields);
        }
    }
    assert_false(accept_wants_openmetrics(SLICE_EMPTY));
    assert_false(accept_wants_openmetrics(SLICE("Accept: " OPENMETRICS "\r\n"))); // no request line
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

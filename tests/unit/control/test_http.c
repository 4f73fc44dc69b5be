// SPDX-License-Identifier: Apache-2.0
#include "control/dialect.h"
#include "unit.h"

// Feeds `text` in pieces of `step` bytes.
static enum dialect_status scan(void *state, struct slice text, size_t step, size_t *ret_size)
{
    enum dialect_status status = DIALECT_MORE;
    const char *reason = NULL;

    for (size_t at = 0; at < text.size && status == DIALECT_MORE; at += step) {
        struct slice piece = {text.data + at, MIN(step, text.size - at)};

        status = dialect_http.scan(state, piece, ret_size, &reason);
    }
    return status;
}

// Returns the complete answer to `request`, or "" if it is not a request.
static void ask(const char *request, size_t step, struct buf *out)
{
    void *state = dialect_http.state_new(NULL);
    struct dialect_request decoded = {0};
    size_t size = 0;

    buf_clear(out);
    if (scan(state, slice_of(request), step, &size) == DIALECT_MESSAGE) {
        assert_null(dialect_http.decode(state, (struct slice){request, size}, &decoded, out));
    }
    if (decoded.argv) {
        assert_string_equal(decoded.argv[0], "metrics");
        assert_string_equal(decoded.argv[1], "text");
        assert_null(decoded.argv[2]);
        dialect_http.encode(state, COMMAND_DONE, "a 1\n# EOF\n", NULL, false, out);
        command_argv_free(decoded.argv);
    }
    dialect_http.state_free(state);
}

static void test_answers(void **unused)
{
    static const struct {
        const char *request;
        const char *starts;
        const char *ends;
    } table[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\na 1\n# EOF\n"},
        {"GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\na 1\n# EOF\n"},
        {"GET /metrics?a=b HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "# EOF\n"},
        {"HEAD /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n",
         "Content-Length: 10\r\nConnection: close\r\n\r\n"},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "\r\n\r\n404 Not Found\n"},
        {"GET /metricsx HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "\n"},
        {"HEAD /x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "\r\n\r\n"},
        {"POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n", "\n"},
        {"GET /metrics HTTP/2\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\n"},
        {"GET  /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\n"},
        {"GET\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\n"},
        {"\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\n"},
        {"x\r\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "\n"},
        {"GET /metrics HTTP/1.1\n\n", "", ""},
        {"GET /metrics HTTP/1.1\r\n", "", ""},
    };
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        for (size_t step = 1; step < 64; step += 31) {
            const char *text;
            size_t size = strlen(table[i].ends);

            ask(table[i].request, step, &out);
            text = buf_cstr(&out);
            assert_memory_equal(text, table[i].starts, strlen(table[i].starts));
            assert_true(out.size >= size);
            assert_string_equal(text + out.size - size, table[i].ends);
            assert_int_equal(out.size == 0, !table[i].starts[0]);
        }
    }
    buf_done(&out);
}

static void test_405_names_what_is_allowed(void **unused)
{
    struct buf out = {0};

    ask("DELETE /metrics HTTP/1.1\r\n\r\n", 100, &out);
    assert_non_null(strstr(buf_cstr(&out), "\r\nAllow: GET, HEAD\r\n"));
    buf_done(&out);
}

static void test_errors_do_not_show_the_reason(void **unused)
{
    void *state = dialect_http.state_new(NULL);
    struct buf out = {0};

    dialect_http.encode(state, COMMAND_DENIED, "secret", NULL, false, &out);
    assert_non_null(strstr(buf_cstr(&out), "HTTP/1.1 500 "));
    assert_null(strstr(buf_cstr(&out), "secret"));
    buf_done(&out);
    dialect_http.state_free(state);
}

static void test_too_long(void **unused)
{
    void *state = dialect_http.state_new(NULL);
    char bytes[8192];
    size_t size;

    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(scan(state, (struct slice){bytes, sizeof(bytes)}, 1000, &size), DIALECT_ERROR);
    dialect_http.state_free(state);
}

static void test_formats(void **unused)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n";
    void *state = dialect_http.state_new(NULL);
    struct dialect_request decoded = {0};
    struct buf out = {0};

    assert_null(dialect_http.decode(state, SLICE(request), &decoded, &out));
    assert_string_equal(decoded.argv[1], "openmetrics");
    dialect_http.encode(state, COMMAND_DONE, "# EOF\n", NULL, false, &out);
    assert_non_null(
        strstr(buf_cstr(&out), "Content-Type: application/openmetrics-text; version=1"));
    command_argv_free(decoded.argv);
    dialect_http.state_free(state);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_405_names_what_is_allowed),
        cmocka_unit_test(test_errors_do_not_show_the_reason),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

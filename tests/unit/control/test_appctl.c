// SPDX-License-Identifier: Apache-2.0
#include "control/dialect.h"
#include "unit.h"

static struct command_registry *registry;

// Scans the next message of `text` from *at on, fed in pieces of `step` bytes. *ret is the message.
static enum dialect_status scan(void *state, struct slice text, size_t *at, size_t step,
                                struct slice *ret, const char **ret_reason)
{
    size_t fed = *at;
    enum dialect_status status = DIALECT_MORE;

    while (status == DIALECT_MORE && fed < text.size) {
        struct slice piece = {text.data + fed, MIN(step, text.size - fed)};
        size_t size = 0;

        status = dialect_appctl.scan(state, piece, &size, ret_reason);
        fed += piece.size;
        if (status == DIALECT_MESSAGE) {
            *ret = (struct slice){text.data + *at, size};
            *at += size;
        }
    }
    return status;
}

// Decodes a message. Returns its arguments joined by '|', or "error: ...".
static void decode(void *state, struct slice message, struct buf *out)
{
    struct dialect_request request = {0};
    const char *error = dialect_appctl.decode(state, message, &request, out);

    buf_clear(out);
    if (error) {
        buf_printf(out, "error: %s", error);
    }
    for (char **arg = request.argv; arg && *arg; arg++) {
        buf_printf(out, "%s%s", arg == request.argv ? "" : "|", *arg);
    }
    command_argv_free(request.argv);
}

static void test_decode(void **unused)
{
    static const struct {
        const char *message;
        const char *expected;
    } table[] = {
        {"{\"id\":0,\"method\":\"version\",\"params\":[]}", "version"},
        {" \n{\"params\":[\"a\",\"\"],\"method\":\"x/y\",\"id\":\"i\"}", "x/y|a|"},
        {"{\"id\":[1],\"method\":\"m\",\"params\":[\"\\u00e4\\n\"]}", "m|\u00e4\n"},
        {"{\"id\":0,\"method\":\"m\",\"params\":[1]}", "error: every argument must be a string"},
        {"{\"id\":0,\"method\":\"m\",\"params\":[\"a\",null]}",
         "error: every argument must be a string"},
        {"{\"id\":0,\"method\":\"m\",\"params\":[[\"a\"]]}",
         "error: every argument must be a string"},
        {"{\"id\":null,\"method\":\"m\",\"params\":[]}", "error: only requests are expected here"},
        {"{\"id\":0,\"result\":1,\"error\":null}", "error: only requests are expected here"},
        {"[1,2]", "error: message is not an object"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        for (size_t step = 1; step <= 64; step *= 4) {
            void *state = dialect_appctl.state_new(registry);
            struct slice message;
            struct buf out = {0};
            const char *reason;
            size_t at = 0;

            assert_int_equal(scan(state, slice_of(table[i].message), &at, step, &message, &reason),
                             DIALECT_MESSAGE);
            assert_int_equal(at, strlen(table[i].message));
            decode(state, message, &out);
            assert_slice_is(buf_slice(&out), table[i].expected);
            buf_done(&out);
            dialect_appctl.state_free(state);
        }
    }
}

static void test_pipelined(void **unused)
{
    struct slice text = SLICE(
        "{\"id\":1,\"method\":\"a\",\"params\":[]} "
        "{\"id\":2,\"method\":\"b\",\"params\":[]}{\"id\":3");
    void *state = dialect_appctl.state_new(registry);
    struct slice message;
    struct buf out = {0};
    const char *reason;
    size_t at = 0;

    assert_int_equal(scan(state, text, &at, 100, &message, &reason), DIALECT_MESSAGE);
    decode(state, message, &out);
    assert_slice_is(buf_slice(&out), "a");
    assert_int_equal(scan(state, text, &at, 100, &message, &reason), DIALECT_MESSAGE);
    decode(state, message, &out);
    assert_slice_is(buf_slice(&out), "b");
    assert_int_equal(scan(state, text, &at, 100, &message, &reason), DIALECT_MORE);
    buf_done(&out);
    dialect_appctl.state_free(state);
}

static void test_bad_bytes(void **unused)
{
    static const char *const table[] = {"}", "{\"a\" 1}", "\xff", "{\"a\":\"\\u0000\"}", "nul1"};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        void *state = dialect_appctl.state_new(registry);
        struct slice message;
        const char *reason = NULL;
        size_t at = 0;

        assert_int_equal(scan(state, slice_of(table[i]), &at, 3, &message, &reason), DIALECT_ERROR);
        assert_non_null(reason);
        dialect_appctl.state_free(state);
    }
}

static void test_too_large(void **unused)
{
    static const char starts[] = {' ', '"'};
    char bytes[4096];

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        void *state = dialect_appctl.state_new(registry);
        enum dialect_status status = DIALECT_MORE;
        const char *reason = NULL;
        size_t fed = 0;
        size_t size;

        memset(bytes, i ? 'x' : ' ', sizeof(bytes));
        bytes[0] = starts[i];
        while (status == DIALECT_MORE && fed < 4 * 1024 * 1024) {
            status =
                dialect_appctl.scan(state, (struct slice){bytes, sizeof(bytes)}, &size, &reason);
            fed += sizeof(bytes);
            bytes[0] = bytes[1];
        }
        assert_int_equal(status, DIALECT_ERROR);
        dialect_appctl.state_free(state);
    }
}

static void test_encode(void **unused)
{
    static const struct {
        bool is_json;
        enum command_outcome outcome;
        const char *text;
        const char *reply; // JSON, or NULL
        const char *expected;
    } table[] = {
        {false, COMMAND_DONE, "", "{}", "{\"error\":null,\"id\":7,\"result\":\"\"}"},
        {false, COMMAND_DONE, "one", NULL, "{\"error\":null,\"id\":7,\"result\":\"one\\n\"}"},
        {false, COMMAND_DONE, "one\ntwo\n", "{\"lines\":[\"one\",\"two\"]}",
         "{\"error\":null,\"id\":7,\"result\":\"one\\ntwo\\n\"}"},
        {false, COMMAND_FAILED, "no \"x\"", NULL,
         "{\"error\":\"no \\\"x\\\"\\n\",\"id\":7,\"result\":null}"},
        {false, COMMAND_DENIED, "no", NULL, "{\"error\":\"no\\n\",\"id\":7,\"result\":null}"},
        {true, COMMAND_DONE, "one\ntwo\n", "{\"lines\":[\"one\",\"two\"]}",
         "{\"error\":null,\"id\":7,\"result\":{\"lines\":[\"one\",\"two\"]}}"},
        {true, COMMAND_FAILED, "no", NULL, "{\"error\":\"no\\n\",\"id\":7,\"result\":null}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        void *state = dialect_appctl.state_new(registry);
        struct buf out = {0};
        struct dialect_request request = {0};
        json_t *reply = table[i].reply ? json_loads(table[i].reply, 0, NULL) : NULL;

        dialect_appctl.set_json(state, table[i].is_json);
        assert_null(dialect_appctl.decode(state, SLICE("{\"id\":7,\"method\":\"m\",\"params\":[]}"),
                                          &request, &out));
        command_argv_free(request.argv);
        dialect_appctl.encode(state, table[i].outcome, table[i].text, reply, false, &out);
        assert_slice_is(buf_slice(&out), table[i].expected);
        json_decref(reply);
        buf_done(&out);
        dialect_appctl.state_free(state);
    }
}

// In JSON form, the reply of a command without a method is its text in a wrapper.
static void test_json_of_a_text(void **unused)
{
    void *state = dialect_appctl.state_new(registry);
    struct dialect_request request = {0};
    struct buf out = {0};

    dialect_appctl.set_json(state, true);
    assert_null(dialect_appctl.decode(
        state, SLICE("{\"id\":7,\"method\":\"list-commands\",\"params\":[]}"), &request, &out));
    assert_false(request.more);
    command_argv_free(request.argv);
    dialect_appctl.encode(state, COMMAND_DONE, "x", NULL, false, &out);
    assert_slice_is(buf_slice(&out),
                    "{\"error\":null,\"id\":7,\"result\":"
                    "{\"reply\":\"x\",\"reply-format\":\"plain\"}}");
    buf_done(&out);
    dialect_appctl.state_free(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_of_a_text), cmocka_unit_test(test_decode),
        cmocka_unit_test(test_pipelined),      cmocka_unit_test(test_bad_bytes),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_encode),
    };
    int status;

    registry = command_registry_new();
    status = cmocka_run_group_tests(tests, NULL, NULL);
    command_registry_free(registry);
    return status;
}

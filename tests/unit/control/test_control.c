// SPDX-License-Identifier: Apache-2.0
// The control socket and its client: the loop of the server runs in the test, the blocking client
// in a thread.
#include "basic/clock.h"
#include "control/control.h"
#include "net/socket_file.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

// While is_time_invented, the clock advances only in poll(), which returns at once when nothing is
// ready, after the time for which it would have waited.
static bool is_time_invented;
static int waited_ms;

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    if (!is_time_invented) {
        return __real_clock_gettime(id, ts);
    }
    *ts = (struct timespec){.tv_sec = waited_ms / 1000, .tv_nsec = waited_ms % 1000 * 1000000L};
    return 0;
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int r = __real_poll(fds, n, is_time_invented ? 0 : timeout);

    waited_ms += is_time_invented && !r ? timeout : 0;
    return r;
}

struct fixture {
    sd_event *event;
    struct command_registry *registry;
    struct control *control;
    struct command_call *kept; // of the command "later"
    char folder[256];
    char *path;
};

static void on_echo(struct command_call *call, int argc, char **argv, void *userdata)
{
    command_reply(call, argv[1]);
}

static void on_big(struct command_call *call, int argc, char **argv, void *userdata)
{
    char *text = xcalloc(1, 3000001);

    memset(text, 'x', 3000000);
    command_reply(call, text);
    free(text);
}

static void on_later(struct command_call *call, int argc, char **argv, void *userdata)
{
    struct fixture *fixture = userdata;

    fixture->kept = call;
}

static const struct command commands[] = {
    {"echo", "TEXT", 1, 1, on_echo},
    {"big", "", 0, 0, on_big},
    {"later", "", 0, 0, on_later},
    {NULL},
};

static int setup_in(void **state, const char *folder)
{
    struct fixture *fixture = NEW(struct fixture);

    snprintf(fixture->folder, sizeof(fixture->folder), "%s", folder);
    assert_non_null(mkdtemp(fixture->folder));
    fixture->path = xasprintf("%s/ctl", fixture->folder);
    assert_true(sd_event_new(&fixture->event) >= 0);
    fixture->registry = command_registry_new();
    command_register(fixture->registry, commands, fixture);
    assert_no_failure(
        control_new(fixture->event, fixture->registry, fixture->path, &fixture->control));
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    return setup_in(state, "/tmp/ovsdbd-control-XXXXXX");
}

static int setup_long(void **state)
{
    return setup_in(state,
                    "/tmp/ovsdbd-control-with-a-folder-name-that-makes-the-path-longer-than-the-"
                    "107-bytes-that-a-socket-address-has-room-for-XXXXXX");
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    control_free(fixture->control);
    command_registry_free(fixture->registry);
    sd_event_unref(fixture->event);
    assert_int_equal(access(fixture->path, F_OK), -1);
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture->path);
    free(fixture);
    return 0;
}

struct asker {
    const char *path;
    const char *command;
    const char *args[4];
    int n_args;
    int result;
    char *text;
    bool done;
};

static void *ask_mt(void *userdata)
{
    struct asker *asker = userdata;

    asker->result = control_call(asker->path, false, asker->command, asker->n_args,
                                 (char **)asker->args, &asker->text);
    __atomic_store_n(&asker->done, true, __ATOMIC_RELEASE);
    return NULL;
}

// Runs the loop until the call has returned.
static void ask(struct fixture *fixture, struct asker *asker)
{
    pthread_t thread;

    asker->path = fixture->path;
    assert_int_equal(pthread_create(&thread, NULL, ask_mt, asker), 0);
    while (!__atomic_load_n(&asker->done, __ATOMIC_ACQUIRE)) {
        assert_true(sd_event_run(fixture->event, 10000) >= 0);
    }
    pthread_join(thread, NULL);
}

static void test_call(void **state)
{
    struct fixture *fixture = *state;
    struct asker good = {.command = "echo", .args = {"h\u00e9\n\"llo"}, .n_args = 1};
    struct asker bad = {.command = "nope"};
    struct asker big = {.command = "big"};

    ask(fixture, &good);
    assert_int_equal(good.result, 0);
    assert_string_equal(good.text, "h\u00e9\n\"llo\n");
    ask(fixture, &bad);
    assert_int_equal(bad.result, 1);
    assert_string_equal(bad.text,
                        "\"nope\" is not a valid command (use \"list-commands\" to see a "
                        "list of valid commands)\n");
    ask(fixture, &big);
    assert_int_equal(big.result, 0);
    assert_int_equal(strlen(big.text), 3000001);
    free(good.text);
    free(bad.text);
    free(big.text);
}

// A group that can read the socket file can also connect.
static void test_mode(void **state)
{
    struct fixture *fixture = *state;
    mode_t mask = umask(022);
    mode_t expected = 0660 & ~mask;
    struct stat st;

    umask(mask);
    if (expected & S_IRGRP) {
        expected |= S_IWGRP;
    }
    assert_int_equal(stat(fixture->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, expected);
}

static void run_loop(struct fixture *fixture, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        assert_true(sd_event_run(fixture->event, 0) >= 0);
    }
}

// Returns what the server has sent on `fd` so far.
static void expect_received(int fd, const char *expected)
{
    char bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (!expected) {
        assert_true(n < 0 && errno == EAGAIN);
        return;
    }
    assert_slice_is((struct slice){bytes, n > 0 ? (size_t)n : 0}, expected);
}

static int connect_and_send(struct fixture *fixture, const char *bytes)
{
    int fd = socket_file_connect(fixture->path);

    assert_true(fd >= 0);
    assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
    run_loop(fixture, 10);
    return fd;
}

// A client's second command waits for the answer of the first.
static void test_later_and_pipelined(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_and_send(fixture,
                              "{\"id\":1,\"method\":\"later\",\"params\":[]}"
                              "{\"id\":2,\"method\":\"echo\",\"params\":[\"x\"]}");

    expect_received(fd, NULL);
    assert_non_null(fixture->kept);
    command_reply(fixture->kept, "at last");
    run_loop(fixture, 10);
    expect_received(fd,
                    "{\"error\":null,\"id\":1,\"result\":\"at last\\n\"}"
                    "{\"error\":null,\"id\":2,\"result\":\"x\\n\"}");
    close(fd);
    run_loop(fixture, 10);
}

static void test_client_gone_before_answer(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_and_send(fixture, "{\"id\":1,\"method\":\"later\",\"params\":[]}");

    close(fd);
    run_loop(fixture, 10);
    command_reply(fixture->kept, "nobody listens");
    run_loop(fixture, 10);
}

static void test_garbage_closes(void **state)
{
    struct fixture *fixture = *state;
    int bad = connect_and_send(fixture, "{\"id\":1,,}");
    int refused = connect_and_send(fixture, "{\"id\":1,\"method\":\"echo\",\"params\":[7]}");
    int good = connect_and_send(fixture, "{\"id\":1,\"method\":\"echo\",\"params\":[\"y\"]}");

    expect_received(bad, "");
    expect_received(refused,
                    "{\"error\":\"every argument must be a string\\n\",\"id\":1,\"result\":null}");
    expect_received(refused, "");
    expect_received(good, "{\"error\":null,\"id\":1,\"result\":\"y\\n\"}");
    close(bad);
    close(refused);
    close(good);
}

// Clients beyond the maximum wait, and all are served.
static void test_many_clients(void **state)
{
    struct fixture *fixture = *state;
    int fds[70];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = connect_and_send(fixture, "{\"id\":1,\"method\":\"echo\",\"params\":[\"y\"]}");
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        expect_received(fds[i], "{\"error\":null,\"id\":1,\"result\":\"y\\n\"}");
        close(fds[i]);
        run_loop(fixture, 20);
    }
}

// Clients that connect and send nothing do not exclude others.
static void test_idle_clients(void **state)
{
    struct fixture *fixture = *state;
    int idle[64];
    int fd;

    for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
        idle[i] = socket_file_connect(fixture->path);
        run_loop(fixture, 5);
    }
    fd = connect_and_send(fixture, "{\"id\":1,\"method\":\"echo\",\"params\":[\"y\"]}");
    expect_received(fd, "{\"error\":null,\"id\":1,\"result\":\"y\\n\"}");
    expect_received(idle[0], "");
    close(fd);
    for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
        close(idle[i]);
    }
}

// When descriptors are short, accepting pauses; the loop is idle meanwhile.
static void test_no_descriptors(void **state)
{
    struct fixture *fixture = *state;
    int fd = socket_file_connect(fixture->path);
    int next = dup(fd);
    int later;
    struct rlimit before, none;
    unsigned n_turns = 0;

    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (sd_event_run(fixture->event, 0) > 0) {
        assert_true(++n_turns < 100);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(sd_event_run(fixture->event, USEC_INFINITY) > 0);
    // The first may be lost: valgrind accepts it and closes it, to enforce the limit.
    later = connect_and_send(fixture, "{\"id\":1,\"method\":\"echo\",\"params\":[\"y\"]}");
    expect_received(later, "{\"error\":null,\"id\":1,\"result\":\"y\\n\"}");
    close(later);
    close(fd);
    run_loop(fixture, 10);
}

// Clients that do not read delay control_free() only for a limited time, all together.
static void test_end_with_slow_clients(void **state)
{
    struct fixture *fixture = *state;
    int fds[8];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = connect_and_send(fixture, "{\"id\":1,\"method\":\"big\",\"params\":[]}");
    }
    run_loop(fixture, 100);
    is_time_invented = true;
    control_free(TAKE_PTR(fixture->control));
    is_time_invented = false;
    assert_int_equal(waited_ms, 1001); // one second, rounded up once
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
}

static int listen_at(const char *path)
{
    struct socket_file file;
    int fd;

    assert_null(socket_file_listen(path, 0600, 5, &file, &fd));
    free(file.path);
    return fd;
}

static void test_stale_socket_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    char *path = xasprintf("%s/stale", fixture->folder);
    struct control *control;
    int fd = listen_at(path);

    assert_failure(control_new(fixture->event, fixture->registry, path, &control), EADDRINUSE,
                   "a running server listens there");
    close(fd);
    assert_int_equal(access(path, F_OK), 0);
    assert_no_failure(control_new(fixture->event, fixture->registry, path, &control));
    control_free(control);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

// A passed socket may be a blocking one.
static void test_passed_socket(void **state)
{
    struct fixture *fixture = *state;
    char *path = xasprintf("%s/passed", fixture->folder);
    int listener = listen_at(path);
    struct control *control;
    int fd;

    assert_int_equal(fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK), 0);
    assert_no_failure(control_new_from_fd(fixture->event, fixture->registry, CONTROL_COMMANDS,
                                          listener, &control));
    fd = socket_file_connect(path);
    assert_true(send(fd, "{\"id\":1,\"method\":\"echo\",\"params\":[\"y\"]}", 39, 0) > 0);
    run_loop(fixture, 10);
    expect_received(fd, "{\"error\":null,\"id\":1,\"result\":\"y\\n\"}");
    close(fd);
    run_loop(fixture, 10);
    control_free(control);
    assert_int_equal(access(path, F_OK), 0); // not ours to remove
    unlink(path);
    free(path);
}

static void test_bad_path(void **state)
{
    struct fixture *fixture = *state;
    struct control *control;
    char *text = NULL;

    assert_failure(
        control_new(fixture->event, fixture->registry, "/nonexistent/x/ctl", &control), ENOENT,
        "control socket: cannot listen on /nonexistent/x/ctl: No such file or directory");
    assert_int_equal(control_call("/nonexistent/x/ctl", false, "version", 0, NULL, &text), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_call, setup, teardown),
        cmocka_unit_test_setup_teardown(test_call, setup_long, teardown),
        cmocka_unit_test_setup_teardown(test_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later_and_pipelined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_gone_before_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_with_slow_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passed_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_path, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

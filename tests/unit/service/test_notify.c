// SPDX-License-Identifier: Apache-2.0
// The test acts as the service manager, with the socket of NOTIFY_SOCKET.
#include "service/notify.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

static char folder[] = "/tmp/ovsdbd-notify-XXXXXX";
static int manager;

static void expect_notification(const char *expected)
{
    char bytes[512];
    ssize_t n = recv(manager, bytes, sizeof(bytes), MSG_DONTWAIT);

    assert_true(n >= 0);
    assert_slice_is((struct slice){bytes, (size_t)n}, expected);
}

static void test_words(void **state)
{
    notify_status("%s: %d %%", "loading", 7);
    expect_notification("STATUS=loading: 7 %");
    notify_ready();
    expect_notification("READY=1");
    notify_extend_timeout(30 * USEC_PER_SEC);
    expect_notification("EXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1");
    notify_stopping("closing");
    expect_notification("STOPPING=1\nSTATUS=closing");
    notify_stopping(NULL);
    expect_notification("STOPPING=1");
}

// The manager compares the time with its own.
static void test_reloading(void **state)
{
    unsigned long long said = 0;
    usec_t before = clock_monotonic();
    char bytes[512] = "";

    notify_reloading();
    assert_true(recv(manager, bytes, sizeof(bytes) - 1, MSG_DONTWAIT) > 0);
    assert_int_equal(sscanf(bytes, "RELOADING=1\nMONOTONIC_USEC=%llu", &said), 1);
    assert_true(said >= before && said <= clock_monotonic());
}

static void test_no_manager(void **state)
{
    unsetenv("NOTIFY_SOCKET");
    notify_ready();
    notify_status("nobody listens");
    assert_true(recv(manager, &(char){0}, 1, MSG_DONTWAIT) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_reloading),
        cmocka_unit_test(test_no_manager),
    };
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r;

    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!mkdtemp(folder)) {
        return 1;
    }
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
    if (bind(manager, (struct sockaddr *)&address, sizeof(address))) {
        return 1;
    }
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(address.sun_path);
    rmdir(folder);
    return r;
}

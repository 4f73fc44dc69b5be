// SPDX-License-Identifier: Apache-2.0
// The C library has no wrappers for these system calls. The headers of the oldest supported system
// have only the first ABIs, so the rights of later ones are defined here.
#include "service/landlock.h"

#include "basic/macro.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RIGHT_TRUNCATE      (1ULL << 14) // ABI 3
#define RIGHT_IOCTL_DEV     (1ULL << 15) // ABI 5
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)  // ABI 6
#define SCOPE_SIGNAL        (1ULL << 1)  // ABI 6
#define RIGHTS_OF_FIRST_ABI ((1ULL << 13) - 1)
#define RIGHTS_FOR_FILES                                                                           \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)

struct ruleset_attr {
    uint64_t fs;
    uint64_t net;    // ABI 4
    uint64_t scoped; // ABI 6
};

static_assert(sizeof(struct ruleset_attr) == 24, "the layout is that of the kernel");

// Returns the ABI version of the kernel, or negative errno.
static int landlock_abi(void)
{
    long r = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return r < 0 ? -errno : (int)r;
}

static uint64_t rights_of_abi(int version)
{
    return RIGHTS_OF_FIRST_ABI | (version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
           (version >= 3 ? RIGHT_TRUNCATE : 0) | (version >= 5 ? RIGHT_IOCTL_DEV : 0);
}

// Abstract sockets must stay allowed if the service manager is reached by one, as on old systems.
static uint64_t landlock_scopes(void)
{
    const char *notify = getenv("NOTIFY_SOCKET");

    return SCOPE_SIGNAL | (notify && notify[0] == '@' ? 0 : SCOPE_ABSTRACT_UNIX);
}

int landlock_new(void)
{
    int version = landlock_abi();
    struct ruleset_attr attr = {.fs = rights_of_abi(version)};
    size_t size = version >= 6 ? sizeof(attr) : sizeof(attr.fs);
    long fd;

    if (version < 0) {
        return version;
    }
    if (version >= 6) {
        attr.scoped = landlock_scopes();
    }
    fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    return fd < 0 ? -errno : (int)fd;
}

static uint64_t kernel_rights(uint64_t rights)
{
    static const uint64_t groups[] = {
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE,
        LANDLOCK_ACCESS_FS_MAKE_REG,
        LANDLOCK_ACCESS_FS_MAKE_SOCK,
        LANDLOCK_ACCESS_FS_REMOVE_FILE,
    };
    uint64_t result = 0;

    assert(!(rights >> ARRAY_SIZE(groups))); // every right has its group
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        result |= rights & (1ULL << i) ? groups[i] : 0;
    }
    return result & rights_of_abi(landlock_abi());
}

int landlock_allow(int ruleset, const char *path, uint64_t rights)
{
    _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr attr = {.allowed_access = kernel_rights(rights),
                                              .parent_fd = fd};
    struct stat st;

    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
    }
    if (fstat(fd, &st)) {
        return -errno;
    }
    if (!S_ISDIR(st.st_mode)) {
        attr.allowed_access &= RIGHTS_FOR_FILES;
    }
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) ? -errno
                                                                                         : 0;
}

int landlock_enforce(int ruleset)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, ruleset, 0)) {
        return -errno;
    }
    return 0;
}

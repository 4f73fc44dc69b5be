// SPDX-License-Identifier: Apache-2.0
#include "service/confine.h"

#include "basic/dirs.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "service/landlock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE(daemon);

// What the C library reads, for example for time zones and host names. None of it is secret.
static const char *const system_files[] = {
    "/etc/localtime", "/etc/resolv.conf", "/etc/hosts",       "/etc/host.conf",
    "/etc/gai.conf",  "/etc/services",    "/etc/protocols",   "/etc/nsswitch.conf",
    "/etc/passwd",    "/etc/group",       "/etc/ld.so.cache",
};
static const char *const system_folders[] = {"/usr/lib",       "/usr/share",  "/lib",      "/lib64",
                                             "/etc/ssl/certs", "/etc/gnutls", "/proc/self"};

// The folders of keys and certificates: of Open vSwitch, OVN and ovs-pki, of Debian, of Fedora and
// related distributions, and the targets of the links in them.
static const char *const key_folders[] = {
    "/etc/openvswitch",
    "/etc/ovn",
    "/etc/ssl",
    "/etc/pki",
    "/var/lib/openvswitch",
    "/var/lib/ovn",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
};

// A flag of `uses`: the folder was named for a socket. It may be made later if it does not exist.
#define AWAITED (1u << 31)

static_assert(!(AWAITED & CONFINE_ALL), "the flag is not a use");

struct folder {
    char *path;    // with links resolved
    unsigned uses; // a set of enum confine_use, perhaps with AWAITED
};

static struct {
    bool is_enabled;
    struct folder *folders;
    size_t n;
    size_t capacity;
} confine;

static void allow_folder(unsigned uses, const char *path)
{
    char *real = NULL;

    if (file_resolve(path, &real) < 0) {
        real = xstrdup(path); // it does not exist yet
    }
    for (size_t i = 0; i < confine.n; i++) {
        if (!strcmp(confine.folders[i].path, real)) {
            confine.folders[i].uses |= uses;
            free(real);
            return;
        }
    }
    GROW(confine.folders, confine.n, confine.capacity);
    confine.folders[confine.n++] = (struct folder){real, uses};
}

void confine_enable(void)
{
    _cleanup_free_ char *configuration = xasprintf("%s/openvswitch", dirs_sysconf());
    _cleanup_free_ char *configuration_of_ovn = xasprintf("%s/ovn", dirs_sysconf());
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");

    assert(!confine.is_enabled);
    confine.is_enabled = true;
    allow_folder(CONFINE_ALL, dirs_run());
    allow_folder(CONFINE_ALL, dirs_log());
    allow_folder(CONFINE_ALL, dirs_db());
    allow_folder(CONFINE_READ, configuration);
    allow_folder(CONFINE_READ, dirs_pkgdata());
    allow_folder(CONFINE_READ, configuration_of_ovn);
    for (size_t i = 0; i < ARRAY_SIZE(key_folders); i++) {
        allow_folder(CONFINE_READ, key_folders[i]);
    }
    if (credentials) {
        allow_folder(CONFINE_READ, credentials);
    }
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return xstrdup(".");
    }
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

void confine_allow(enum confine_use use, const char *path)
{
    _cleanup_free_ char *folder = folder_of(path);
    _cleanup_free_ char *real = NULL;
    // The folder of a database may be used for files of every kind.
    unsigned uses = use == CONFINE_DATABASE ? CONFINE_ALL : (unsigned)use;

    if (!confine.is_enabled) {
        return;
    }
    allow_folder(uses | (use == CONFINE_SOCKET ? AWAITED : 0), folder);
    if (!file_resolve(path, &real)) {
        _cleanup_free_ char *real_folder = folder_of(real);

        allow_folder(uses, real_folder);
    }
}

bool confine_allow_path(const char *path, bool read_only)
{
    if (!confine.is_enabled) {
        return true;
    }
    allow_folder(read_only ? CONFINE_READ : CONFINE_ALL, path);
    return !access(path, F_OK);
}

// True if `path` is `folder` itself or below it.
static bool is_within(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    return !strncmp(path, folder, size) &&
           (!path[size] || path[size] == '/' || folder[size - 1] == '/');
}

static bool allows(const struct folder *folder, unsigned uses)
{
    return (folder->uses & uses) == uses;
}

static struct failure *refusal(enum confine_use use, const char *path)
{
    _cleanup_buf_ struct buf folders = {0};
    _cleanup_free_ char *folder = folder_of(path);

    for (size_t i = 0; i < confine.n; i++) {
        if (allows(&confine.folders[i], use)) {
            buf_printf(&folders, "%s%s", folders.size ? ", " : "", confine.folders[i].path);
        }
    }
    return failure_new(
        FAILURE_INVALID,
        "%s: outside the folders that this server is confined to (%s); start it with "
        "--allow-path=%s%s to add this folder, or with --no-self-confinement to disable this",
        path, buf_cstr(&folders), folder, use == CONFINE_READ ? ":ro" : "");
}

struct failure *confine_check(enum confine_use use, const char *path)
{
    _cleanup_free_ char *real = NULL;
    int r;

    if (!confine.is_enabled) {
        return NULL;
    }
    r = file_resolve(path, &real);
    if (r == -ENOENT || r == -ENOTDIR) {
        return NULL; // opening it will report that it does not exist
    }
    if (r < 0) {
        return failure_from_errno(r, "%s", path);
    }
    for (size_t i = 0; i < confine.n; i++) {
        if (allows(&confine.folders[i], use) && is_within(real, confine.folders[i].path)) {
            return NULL;
        }
    }
    return refusal(use, path);
}

static uint64_t rights_of(unsigned uses)
{
    uint64_t rights = LANDLOCK_READ;

    if (uses & CONFINE_DATABASE) {
        rights |= LANDLOCK_WRITE | LANDLOCK_MAKE_FILES | LANDLOCK_REMOVE;
    }
    if (uses & CONFINE_SOCKET) {
        rights |= LANDLOCK_MAKE_SOCKETS | LANDLOCK_REMOVE;
    }
    if (uses & CONFINE_LOG) {
        rights |= LANDLOCK_WRITE | LANDLOCK_MAKE_FILES;
    }
    if (uses & CONFINE_PIDFILE) {
        rights |= LANDLOCK_REMOVE;
    }
    return rights;
}

// Allows to read a system file. If it is a link into another folder, programs replace the target
// there; therefore the whole folder of the target is allowed.
static int add_system_file(int ruleset, const char *path)
{
    _cleanup_free_ char *real = NULL;
    _cleanup_free_ char *folder = NULL;

    if (file_resolve(path, &real) < 0) {
        return 0;
    }
    folder = folder_of(real);
    return landlock_allow(ruleset, strcmp(folder, "/etc") ? folder : real, LANDLOCK_READ);
}

// True if another folder that exists allows sockets in this one.
static bool is_covered(const struct folder *folder)
{
    for (size_t i = 0; i < confine.n; i++) {
        if (&confine.folders[i] != folder && allows(&confine.folders[i], CONFINE_SOCKET) &&
            !access(confine.folders[i].path, F_OK) &&
            is_within(folder->path, confine.folders[i].path)) {
            return true;
        }
    }
    return false;
}

// Landlock has no rules for folders that do not exist. For an awaited folder the nearest existing
// folder above it is allowed instead.
static int add_folder(int ruleset, const struct folder *folder)
{
    _cleanup_free_ char *above = xstrdup(folder->path);

    if (!(folder->uses & AWAITED) || !access(folder->path, F_OK) || is_covered(folder)) {
        return landlock_allow(ruleset, folder->path, rights_of(folder->uses));
    }
    while (access(above, F_OK) && strcmp(above, "/")) {
        char *next = folder_of(above);

        free(above);
        above = next;
    }
    if (!strcmp(above, "/")) {
        log_warn("%s: it does not exist; restart the program after creating it", folder->path);
        return 0;
    }
    log_warn(
        "%s: it does not exist yet: until the next start the kernel lets this server make and "
        "remove sockets anywhere in %s",
        folder->path, above);
    return landlock_allow(ruleset, above, LANDLOCK_MAKE_SOCKETS | LANDLOCK_REMOVE);
}

static int add_rules(int ruleset)
{
    int r = landlock_allow(ruleset, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE);

    for (size_t i = 0; i < confine.n && !r; i++) {
        r = add_folder(ruleset, &confine.folders[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(system_folders) && !r; i++) {
        r = landlock_allow(ruleset, system_folders[i], LANDLOCK_READ);
    }
    for (size_t i = 0; i < ARRAY_SIZE(system_files) && !r; i++) {
        r = add_system_file(ruleset, system_files[i]);
    }
    return r;
}

struct failure *confine_enforce(void)
{
    _cleanup_close_ int ruleset = -1;
    int r;

    if (!confine.is_enabled) {
        return NULL;
    }
    ruleset = landlock_new();
    // EPERM is the error of the system call filters of containers.
    if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP || ruleset == -EPERM) {
        log_event(LOG_LEVEL_INFO, MSG_NO_LANDLOCK, NULL,
                  "this kernel has no Landlock: names of files are checked by this program only");
        return NULL;
    }
    r = ruleset < 0 ? ruleset : add_rules(ruleset);
    if (!r) {
        r = landlock_enforce(ruleset);
    }
    return r < 0 ? failure_from_errno(r, "cannot confine the process") : NULL;
}

void confine_done(void)
{
    for (size_t i = 0; i < confine.n; i++) {
        free(confine.folders[i].path);
    }
    free(TAKE_PTR(confine.folders));
    confine.n = confine.capacity = 0;
    confine.is_enabled = false;
}

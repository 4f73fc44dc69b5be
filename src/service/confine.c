// SPDX-License-Identifier: Apache-2.0
#include "service/confine.h"

#include "basic/dirs.h"
#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "service/landlock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE(daemon);

// What the C library reads: time zones, names of hosts. Only what everybody may know.
static const char *const of_the_system[] = {
    "/etc/localtime", "/etc/resolv.conf", "/etc/hosts",       "/etc/host.conf",
    "/etc/gai.conf",  "/etc/services",    "/etc/protocols",   "/etc/nsswitch.conf",
    "/etc/passwd",    "/etc/group",       "/etc/ld.so.cache",
};
static const char *const folders_of_the_system[] = {
    "/usr/lib", "/usr/share", "/lib", "/lib64", "/etc/ssl/certs", "/etc/gnutls", "/proc/self"};

// Where keys and certificates are: those of Open vSwitch and OVN and of ovs-pki, of Debian, of
// Fedora and its kin, and what the links there lead to.
static const char *const places_of_keys[] = {
    "/etc/openvswitch",
    "/etc/ovn",
    "/etc/ssl",
    "/etc/pki",
    "/var/lib/openvswitch",
    "/var/lib/ovn",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
};

// A folder that was named for a socket: if it is not there, it may be made later.
#define AWAITED (1u << 31)

struct folder {
    char *path; // real
    unsigned uses;
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
        real = xstrdup(path); // it may be made later
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

    confine.is_enabled = true;
    allow_folder(CONFINE_ALL, dirs_run());
    allow_folder(CONFINE_ALL, dirs_log());
    allow_folder(CONFINE_ALL, dirs_db());
    allow_folder(CONFINE_READ, configuration);
    allow_folder(CONFINE_READ, dirs_pkgdata());
    allow_folder(CONFINE_READ, configuration_of_ovn);
    for (size_t i = 0; i < ARRAY_SIZE(places_of_keys); i++) {
        allow_folder(CONFINE_READ, places_of_keys[i]);
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
    // Beside a database lie files of every kind.
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

// It is below the folder, or the file that is allowed itself.
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

static char *refusal(enum confine_use use, const char *path)
{
    _cleanup_buf_ struct buf folders = {0};
    _cleanup_free_ char *folder = folder_of(path);

    for (size_t i = 0; i < confine.n; i++) {
        if (allows(&confine.folders[i], use)) {
            buf_printf(&folders, "%s%s", folders.size ? ", " : "", confine.folders[i].path);
        }
    }
    return xasprintf(
        "%s: outside the folders that this server is confined to (%s); start it with "
        "--allow-path=%s%s to add this folder, or with --no-self-confinement to lift that",
        path, buf_cstr(&folders), folder, use == CONFINE_READ ? ":ro" : "");
}

char *confine_check(enum confine_use use, const char *path)
{
    _cleanup_free_ char *real = NULL;
    int r;

    if (!confine.is_enabled) {
        return NULL;
    }
    r = file_resolve(path, &real);
    if (r == -ENOENT || r == -ENOTDIR) {
        return NULL; // whoever opens it will say so
    }
    if (r < 0) {
        return xasprintf("%s: %s", path, strerror(-r));
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

// A file that is a link into another folder is replaced there.
static int add_file_of_the_system(int ruleset, const char *path)
{
    _cleanup_free_ char *real = NULL;
    _cleanup_free_ char *folder = NULL;

    if (file_resolve(path, &real) < 0) {
        return 0;
    }
    folder = folder_of(real);
    return landlock_allow(ruleset, strcmp(folder, "/etc") ? folder : real, LANDLOCK_READ);
}

// Another folder that is there allows the same for it.
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

// The kernel knows no rule for a folder that is not there: the nearest one above it has to do.
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
        log_warn("%s: it does not exist: after it has been made, a restart is needed",
                 folder->path);
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
    for (size_t i = 0; i < ARRAY_SIZE(folders_of_the_system) && !r; i++) {
        r = landlock_allow(ruleset, folders_of_the_system[i], LANDLOCK_READ);
    }
    for (size_t i = 0; i < ARRAY_SIZE(of_the_system) && !r; i++) {
        r = add_file_of_the_system(ruleset, of_the_system[i]);
    }
    return r;
}

int confine_enforce(char **ret_error)
{
    _cleanup_close_ int ruleset = -1;
    int r;

    if (!confine.is_enabled) {
        return 0;
    }
    ruleset = landlock_new();
    // EPERM is what the system call filter of a container says.
    if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP || ruleset == -EPERM) {
        log_event(LOG_LEVEL_INFO, MSG_NO_LANDLOCK, NULL,
                  "this kernel has no Landlock: names of files are checked by this program only");
        return 0;
    }
    r = ruleset < 0 ? ruleset : add_rules(ruleset);
    if (!r) {
        r = landlock_enforce(ruleset);
    }
    if (r < 0) {
        *ret_error = xasprintf("cannot confine the process: %s", strerror(-r));
    }
    return r;
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

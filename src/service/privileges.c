// SPDX-License-Identifier: Apache-2.0
// The order matters. Changing the bounding set needs CAP_SETPCAP, the groups CAP_SETGID, and the
// user CAP_SETUID. Therefore the remaining capabilities are set last. Finally it is tested that
// root cannot be regained.
#include "service/privileges.h"

#include "basic/alloc.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t service_capabilities[] = {CAP_NET_BIND_SERVICE};
static const cap_value_t root_capabilities[] = {
    CAP_NET_BIND_SERVICE, CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID,
};

static bool is_member(const struct passwd *user, gid_t gid)
{
    gid_t groups[256];
    int n = (int)ARRAY_SIZE(groups);

    if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (groups[i] == gid) {
            return true;
        }
    }
    return false;
}

static struct failure *find_group(const char *spec, const char *name, const struct passwd *user,
                                  gid_t *ret)
{
    const struct group *group = getgrnam(name);

    if (!group) {
        return failure_new(FAILURE_MISSING, "--user=%s: there is no group %s", spec, name);
    }
    if (!is_member(user, group->gr_gid)) {
        return failure_new(FAILURE_INVALID, "--user=%s: user %s is not in group %s", spec,
                           user->pw_name, name);
    }
    *ret = group->gr_gid;
    return NULL;
}

struct failure *identity_parse(const char *spec, struct identity *ret)
{
    const char *colon = strchrnul(spec, ':');
    _cleanup_free_ char *name = xstrndup(spec, (size_t)(colon - spec));
    const struct passwd *user;
    struct failure *failure;
    gid_t gid;

    if (geteuid()) {
        return failure_new(FAILURE_INVALID, "--user=%s: only root can become another user", spec);
    }
    user = name[0] ? getpwnam(name) : getpwuid(getuid());
    if (!user) {
        return failure_new(FAILURE_MISSING, "--user=%s: there is no user %s", spec, name);
    }
    gid = user->pw_gid;
    if (*colon && colon[1] && (failure = find_group(spec, colon + 1, user, &gid))) {
        return failure;
    }
    *ret = (struct identity){.uid = user->pw_uid, .gid = gid, .user = xstrdup(user->pw_name)};
    return NULL;
}

void identity_done(struct identity *identity)
{
    free(TAKE_PTR(identity->user));
}

static bool contains(const cap_value_t *values, size_t n, cap_value_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] == value) {
            return true;
        }
    }
    return false;
}

// EPERM is ignored: a process without CAP_SETPCAP has a limited bounding set already, or runs in a
// container that does not allow to change it.
static int limit_bounding_set(const cap_value_t *keep, size_t n)
{
    for (cap_value_t value = 0; value < cap_max_bits(); value++) {
        if (!contains(keep, n, value) && cap_get_bound(value) > 0 && cap_drop_bound(value) &&
            errno != EPERM) {
            return -errno;
        }
    }
    return 0;
}

// True if the process has capabilities other than `keep`. If it has none, cap_set_proc() must not
// be called, because a service manager that has removed them may have forbidden the system call
// too.
static bool has_others(cap_t caps, const cap_value_t *keep, size_t n)
{
    for (cap_value_t value = 0; value < cap_max_bits(); value++) {
        cap_flag_value_t permitted = CAP_CLEAR;
        cap_flag_value_t inheritable = CAP_CLEAR;

        cap_get_flag(caps, value, CAP_PERMITTED, &permitted);
        cap_get_flag(caps, value, CAP_INHERITABLE, &inheritable);
        if (inheritable == CAP_SET || (permitted == CAP_SET && !contains(keep, n, value))) {
            return true;
        }
    }
    return false;
}

// Makes the permitted and the effective set those of `keep` that are permitted now, and the
// inheritable and the ambient set empty.
static int keep_only(const cap_value_t *keep, size_t n)
{
    cap_t now = cap_get_proc();
    cap_t wanted = cap_init();
    int r = now && wanted ? 0 : -errno;

    for (size_t i = 0; i < n && !r; i++) {
        cap_flag_value_t value = CAP_CLEAR;

        cap_get_flag(now, keep[i], CAP_PERMITTED, &value);
        if (value == CAP_SET && (cap_set_flag(wanted, CAP_PERMITTED, 1, &keep[i], CAP_SET) ||
                                 cap_set_flag(wanted, CAP_EFFECTIVE, 1, &keep[i], CAP_SET))) {
            r = -errno;
        }
    }
    if (!r && cap_reset_ambient()) {
        r = -errno;
    }
    if (!r && has_others(now, keep, n) && cap_set_proc(wanted)) {
        r = -errno;
    }
    cap_free(now);
    cap_free(wanted);
    return r;
}

static int become_user(const struct identity *identity)
{
    assert(identity->user);
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || initgroups(identity->user, identity->gid) ||
        setresgid(identity->gid, identity->gid, identity->gid) ||
        setresuid(identity->uid, identity->uid, identity->uid)) {
        return -errno;
    }
    return 0;
}

struct failure *privileges_become(const struct identity *identity)
{
    int r = limit_bounding_set(service_capabilities, ARRAY_SIZE(service_capabilities));

    if (!r) {
        r = become_user(identity);
    }
    if (!r) {
        r = keep_only(service_capabilities, ARRAY_SIZE(service_capabilities));
    }
    if (!r && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        r = -errno;
    }
    if (!r && identity->uid && !setuid(0)) {
        r = -EPERM; // becoming root again must be impossible
    }
    return r < 0 ? failure_from_errno(r, "cannot become user %s", identity->user) : NULL;
}

struct failure *privileges_trim(void)
{
    int r;

    if (geteuid()) {
        return NULL;
    }
    r = limit_bounding_set(root_capabilities, ARRAY_SIZE(root_capabilities));
    if (!r) {
        r = keep_only(root_capabilities, ARRAY_SIZE(root_capabilities));
    }
    return r < 0 ? failure_from_errno(r, "cannot give up privileges") : NULL;
}

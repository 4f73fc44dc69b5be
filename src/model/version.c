// SPDX-License-Identifier: Apache-2.0
#include "model/version.h"

#include "basic/macro.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool version_parse(const char *text, struct version *ret)
{
    struct version version;

    for (size_t i = 0; i < 3; i++) {
        char *end;

        if (!isdigit((unsigned char)*text)) {
            return false;
        }
        errno = 0;
        version.parts[i] = strtoull(text, &end, 10);
        if (errno || *end != (i < 2 ? '.' : '\0')) {
            return false;
        }
        text = end + 1;
    }
    *ret = version;
    return true;
}

static int compare(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < 3; i++) {
        if (a->parts[i] != b->parts[i]) {
            return a->parts[i] < b->parts[i] ? -1 : 1;
        }
    }
    return 0;
}

bool version_test(const struct version *a, const char *operator, const struct version * b,
                  bool *ret)
{
    int cmp = compare(a, b);
    const struct {
        const char *name;
        bool result;
    } operators[] = {
        {"<", cmp < 0},   {"<=", cmp <= 0}, {"==", cmp == 0},
        {">=", cmp >= 0}, {">", cmp > 0},   {"!=", cmp != 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        if (!strcmp(operators[i].name, operator)) {
            *ret = operators[i].result;
            return true;
        }
    }
    return false;
}

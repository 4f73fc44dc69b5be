// SPDX-License-Identifier: Apache-2.0
#include "basic/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

bool str_parse_number(const char *s, uint64_t max, uint64_t *ret)
{
    unsigned long long number;
    char *end;

    if (!isdigit((unsigned char)*s)) {
        return false; // strtoull() accepts white space and signs before the digits
    }
    errno = 0;
    number = strtoull(s, &end, 10);
    if (errno || *end || number > max) {
        return false;
    }
    *ret = number;
    return true;
}

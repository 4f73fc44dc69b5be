// SPDX-License-Identifier: Apache-2.0
#include "model/id.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool id_is_valid(struct slice name)
{
    if (!name.size || !is_letter(name.data[0])) {
        return false;
    }
    for (size_t i = 1; i < name.size; i++) {
        if (!is_letter(name.data[i]) && !is_digit(name.data[i])) {
            return false;
        }
    }
    return true;
}

bool version_is_valid(struct slice version)
{
    size_t i = 0;

    for (int part = 0; part < 3; part++) {
        size_t start = i;

        while (i < version.size && is_digit(version.data[i])) {
            i++;
        }
        if (i == start) {
            return false;
        }
        if (part < 2 && (i == version.size || version.data[i++] != '.')) {
            return false;
        }
    }
    return i == version.size;
}

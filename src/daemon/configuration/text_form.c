// SPDX-License-Identifier: Apache-2.0
// The form that people write: a line is empty, a comment (# or ; first), a [section NAME], or
// key = value. Blanks around each are dropped.
#include "daemon/configuration/sections.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim_blanks(struct slice text)
{
    while (text.size && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

// Returns the text before the first `c`, trimmed (caller frees). *rest is the trimmed text after
// it, or empty.
static char *cut_at(struct slice text, char c, struct slice *rest)
{
    const char *at = text.size ? memchr(text.data, c, text.size) : NULL;
    size_t size = at ? (size_t)(at - text.data) : text.size;
    struct slice first = trim_blanks((struct slice){text.data, size});

    *rest = at ? trim_blanks((struct slice){at + 1, text.size - size - 1}) : (struct slice){0};
    return xstrndup(first.data, first.size);
}

static struct failure *read_section(struct section *section, struct slice line, unsigned number)
{
    _cleanup_free_ char *kind = NULL;
    _cleanup_free_ char *name = NULL;
    struct slice rest;

    if (line.data[line.size - 1] != ']') {
        return failure_new(FAILURE_INVALID, "\"]\" is missing at the end of the line");
    }
    kind = cut_at(trim_blanks((struct slice){line.data + 1, line.size - 2}), ' ', &rest);
    name = xstrndup(rest.data, rest.size);
    return section_begin(section, kind, name, number);
}

static struct failure *read_key(struct section *section, struct slice line, unsigned number)
{
    _cleanup_free_ char *value = NULL;
    _cleanup_free_ char *key = NULL;
    struct slice rest;

    if (!memchr(line.data, '=', line.size)) {
        return failure_new(FAILURE_INVALID, "neither a [section] nor key = value");
    }
    key = cut_at(line, '=', &rest);
    value = xstrndup(rest.data, rest.size);
    return failure_prefix(section_set(section, key, value, number), "%s", key);
}

static struct failure *read_line(struct section *section, struct slice line, unsigned number)
{
    if (!line.size || line.data[0] == '#' || line.data[0] == ';') {
        return NULL;
    }
    if (memchr(line.data, '\0', line.size)) {
        return failure_new(FAILURE_INVALID, "a NUL byte");
    }
    return line.data[0] == '[' ? read_section(section, line, number)
                               : read_key(section, line, number);
}

struct failure *configuration_parse_text(const char *path, struct slice text,
                                         struct configuration *config)
{
    struct section section = {.config = config};
    unsigned number = 0;

    while (text.size) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        struct failure *failure =
            read_line(&section, trim_blanks((struct slice){text.data, size}), ++number);

        if (failure) {
            return failure_prefix(failure, "%s:%u", path, number);
        }
        text.data += size + (end ? 1 : 0);
        text.size -= size + (end ? 1 : 0);
    }
    return NULL;
}

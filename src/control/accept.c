// SPDX-License-Identifier: Apache-2.0
#include "control/accept.h"

#include "basic/macro.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

// The largest quality value of each type, in thousandths.
struct qualities {
    int openmetrics;
    int text;
};

static struct slice trim(struct slice text)
{
    while (text.size && isspace((unsigned char)text.data[0])) {
        text = (struct slice){text.data + 1, text.size - 1};
    }
    while (text.size && isspace((unsigned char)text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

// Removes the part before the first `separator` from `text`, and the separator. Returns the part
// without surrounding blanks.
static struct slice take_part(struct slice *text, char separator)
{
    const char *end = text->size ? memchr(text->data, separator, text->size) : NULL;
    size_t size = end ? (size_t)(end - text->data) : text->size;
    struct slice part = {text->data, size};

    size += end != NULL;
    *text = (struct slice){text->data + size, text->size - size};
    return trim(part);
}

static bool is_word(struct slice text, const char *word)
{
    return text.size == strlen(word) && !strncasecmp(text.data, word, text.size);
}

// Returns 750 for "0.75", and 0 for text that is not a number from 0 to 1.
static int parse_quality(struct slice text)
{
    int value = 0, unit = 1000;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (i == 1 ? c != '.' : !isdigit((unsigned char)c)) {
            return 0;
        }
        if (i != 1) {
            value += (c - '0') * unit;
            unit /= 10;
        }
    }
    return value <= 1000 ? value : 0;
}

// Evaluates one media range with its parameters.
static void add_range(struct qualities *qualities, struct slice range)
{
    struct slice type = take_part(&range, ';');
    int quality = 1000;

    while (range.size) {
        struct slice value = take_part(&range, ';');
        struct slice name = take_part(&value, '=');

        if (is_word(name, "q")) {
            quality = parse_quality(trim(value));
        }
    }
    if (is_word(type, "application/openmetrics-text")) {
        qualities->openmetrics = MAX(qualities->openmetrics, quality);
    } else if (is_word(type, "text/plain")) {
        qualities->text = MAX(qualities->text, quality);
    }
}

bool accept_wants_openmetrics(struct slice request)
{
    struct qualities qualities = {0};

    take_part(&request, '\n');
    while (request.size) {
        struct slice value = take_part(&request, '\n');
        struct slice name = take_part(&value, ':');

        while (is_word(name, "accept") && value.size) {
            add_range(&qualities, take_part(&value, ','));
        }
    }
    return qualities.openmetrics && qualities.openmetrics >= qualities.text;
}

// SPDX-License-Identifier: Apache-2.0
#include "daemon/admin/client_limits.h"

#include "basic/alloc.h"
#include "basic/counter.h"
#include "control/reply_table.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum unit { COUNT_UNIT, RATE_UNIT, SIZE_UNIT, MESSAGE_UNIT };

static const size_t maxima[] = {
    [COUNT_UNIT] = UINT32_MAX,
    [RATE_UNIT] = 1000000,         // one each microsecond
    [SIZE_UNIT] = (size_t)1 << 50, // sums with other sizes do not overflow
    [MESSAGE_UNIT] = NET_LONGEST_MESSAGE,
};

static const struct limit {
    const char *option;
    size_t offset;
    enum unit unit;
    const char *counter;
    const char *help;
} table[] = {
#define ROW(option_, member_, unit_, counter_, help_)                                              \
    {option_, offsetof(struct limits, member_), unit_##_UNIT, counter_, help_},
    LIMITS(ROW)
#undef ROW
};

static size_t *value_of(const struct limits *limits, const struct limit *limit)
{
    return (size_t *)((uintptr_t)limits + limit->offset);
}

static bool is_size(enum unit unit)
{
    return unit == SIZE_UNIT || unit == MESSAGE_UNIT;
}

// Parses a number above 0; a size may end with K, M or G. False: it is not one, or too large.
static bool parse_value(const char *text, enum unit unit, size_t *ret)
{
    static const char letters[] = "KMG";
    unsigned long long value;
    const char *letter;
    char *end;
    int shift = 0;

    if (*text < '1' || *text > '9') {
        return false;
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*end && is_size(unit) && (letter = strchr(letters, *end))) {
        shift = 10 * (int)(letter - letters + 1);
        end++;
    }
    if (errno || *end || value > maxima[unit] >> shift) {
        return false;
    }
    *ret = (size_t)value << shift;
    return true;
}

// The value as text, a size with the largest unit that divides it. Caller frees.
static char *value_text(size_t value, enum unit unit)
{
    static const char letters[] = "\0KMG";
    int i = 0;

    while (is_size(unit) && i < 3 && value && value % 1024 == 0) {
        value /= 1024;
        i++;
    }
    return i ? xasprintf("%zu%c", value, letters[i]) : xasprintf("%zu", value);
}

static struct failure *range_failure(const struct limit *limit, const char *argument)
{
    _cleanup_free_ char *max = value_text(maxima[limit->unit], limit->unit);

    return failure_new(FAILURE_INVALID, "--%s=%s: a %s from 1 to %s is expected", limit->option,
                       argument, is_size(limit->unit) ? "size" : "number", max);
}

bool client_limits_handle(struct limits *limits, int c, const char *argument,
                          struct failure **ret_failure)
{
    const struct limit *limit = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (c == LIMITS_OPTION + (int)table[i].offset) {
            limit = &table[i];
        }
    }
    *ret_failure = NULL;
    if (limit && !parse_value(argument, limit->unit, value_of(limits, limit))) {
        *ret_failure = range_failure(limit, argument);
    }
    return limit;
}

void client_limits_help(void)
{
    const struct limits defaults = LIMITS_DEFAULT;

    printf("\nLimits (sizes in bytes, or with K, M, G):\n");
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        _cleanup_free_ char *value = value_text(*value_of(&defaults, &table[i]), table[i].unit);
        _cleanup_free_ char *option =
            xasprintf("--%s=%s", table[i].option, is_size(table[i].unit) ? "SIZE" : "N");

        printf("  %-24s%s (default %s)\n", option, table[i].help, value);
    }
}

json_t *client_limits_reply(const struct limits *limits, const struct limits *taken)
{
    json_t *records = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        json_array_append_new(records,
                              json_pack("{ss sI sI sI}", "limit", table[i].option, "allowed",
                                        (json_int_t)*value_of(limits, &table[i]), "taken",
                                        (json_int_t)*value_of(taken, &table[i]), "beyond",
                                        (json_int_t)counter_find(table[i].counter)->value));
    }
    return json_pack("{so}", "limits", records);
}

const struct command_field client_limits_fields[] = {
    {"limit", FIELD_STRING},
    {"allowed", FIELD_INTEGER},
    {"taken", FIELD_INTEGER},  // the largest current use
    {"beyond", FIELD_INTEGER}, // how often the limit was exceeded
    {NULL},
};

void client_limits_print(const json_t *reply, struct buf *text)
{
    reply_print_records(json_object_get(reply, "limits"), client_limits_fields, text);
}

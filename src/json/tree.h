// SPDX-License-Identifier: Apache-2.0
// jansson trees, for what lives long or is edited by hand: schemas, configuration, control replies,
// what the tools print. Never on the path of a request.
#pragma once

#include "basic/buf.h"

#include <jansson.h>

// Builds a tree from validated text, with this project's number rules. Never fails. O(size).
json_t *tree_from_text(struct slice value);
// Parses text that has not been validated. NULL on error, with a message that names line and column
// in *ret_error (caller frees).
json_t *tree_parse(struct slice text, char **ret_error);
// Writes compact text, members sorted by name, numbers as number.h says.
void tree_put(struct buf *buf, const json_t *tree);
// The same as tree_put(), as a string. Caller frees.
char *tree_text(const json_t *tree);

static inline void tree_unrefp(json_t **tree)
{
    json_decref(*tree);
}
#define _cleanup_tree_ _cleanup_(tree_unrefp)

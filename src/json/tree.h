// SPDX-License-Identifier: Apache-2.0
// Trees of the library jansson, for JSON that lives long or that people edit: schemas,
// configuration, replies of the control socket, output of the tools. Not used for the requests of
// clients.
#pragma once

#include "basic/buf.h"

#include <jansson.h>

// Builds a tree from valid text (I-1), with the number rules of number.h. Never fails. O(size).
json_t *tree_from_text(struct slice value);
// Parses any text. On error returns NULL, and in *ret_error a message with line and column, which
// the caller frees.
json_t *tree_parse(struct slice text, char **ret_error);
// Writes compact text, members sorted by name, numbers as number.h says.
void tree_put(struct buf *buf, const json_t *tree);
// Returns the same text as tree_put() as a string, which the caller frees.
char *tree_text(const json_t *tree);

static inline void tree_unrefp(json_t **tree)
{
    json_decref(*tree);
}
#define _cleanup_tree_ _cleanup_(tree_unrefp)

// SPDX-License-Identifier: Apache-2.0
// Feeds any bytes to the framer. A split at any position must not change the result. The cursor
// must be able to read a value that has passed, and its canonical form must be its own canonical
// form.
#include "json/emit.h"
#include "json/framer.h"
#include "json/message.h"
#include "json/tree.h"

#include <assert.h>

#define MAX_SIZE 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct slice value)
{
    _cleanup_buf_ struct buf scratch = {0}, once = {0}, twice = {0};
    struct slice again;
    struct message message;

    message_parse(value, &scratch, &message);
    emit_canonical(&once, value);
    assert(!framer_check(buf_slice(&once), SIZE_MAX, &again, NULL));
    emit_canonical(&twice, again);
    assert(slice_equals(buf_slice(&once), buf_slice(&twice)));

    _cleanup_tree_ json_t *tree = tree_from_text(value);
    _cleanup_free_ char *text = tree_text(tree);

    assert(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct framer whole, pieces;
    size_t n_whole, n_pieces = 0;
    enum framer_status status, status_pieces = FRAMER_MORE;
    struct slice value;

    framer_init(&whole, MAX_SIZE);
    framer_init(&pieces, MAX_SIZE);
    status = framer_feed(&whole, bytes, size, &n_whole);
    while (n_pieces < size && status_pieces == FRAMER_MORE) {
        size_t step = MIN(size - n_pieces, 1 + n_pieces % 7), n;

        status_pieces = framer_feed(&pieces, bytes + n_pieces, step, &n);
        n_pieces += n;
    }
    assert(status == status_pieces);
    assert(n_whole == n_pieces);
    assert(whole.offset == pieces.offset);
    if (!framer_check((struct slice){bytes, size}, MAX_SIZE, &value, NULL)) {
        check_value(value);
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Any text as a schema. What is accepted must print as something that is accepted again, means the
// same and prints the same: what one server stores, another must be able to open.
#include "model/schema.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *schema = NULL, *again = NULL;
    struct ovsdb_error *error;

    error = schema_from_text((struct slice){(const char *)data, size}, &schema);
    if (error) {
        free(error_text(error));
        error_free(error);
        return 0;
    }
    error = schema_from_text(text_slice(schema->json), &again);
    assert(!error);
    assert(schema_equals(schema, again));
    assert(slice_equals(text_slice(schema->json), text_slice(again->json)));
    schema_unref(again);
    schema_unref(schema);
    return 0;
}

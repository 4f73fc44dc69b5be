// SPDX-License-Identifier: Apache-2.0
// Parses any text as a schema. An accepted schema must print as text that is accepted again, equals
// the schema and prints the same: one server must be able to open what another has stored.
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

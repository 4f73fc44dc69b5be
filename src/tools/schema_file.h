// SPDX-License-Identifier: Apache-2.0
// The schema in a file of its own.
#pragma once

#include "model/schema.h"

// Ends the program with a message on failure. The caller unrefs the result.
struct schema *schema_file_read(const char *path);

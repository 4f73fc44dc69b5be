// SPDX-License-Identifier: Apache-2.0
// A schema file.
#pragma once

#include "model/schema.h"

// Reads and parses the file. Ends the program with a message on failure. The caller unrefs the
// result.
struct schema *schema_file_read(const char *path);

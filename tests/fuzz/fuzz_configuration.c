// SPDX-License-Identifier: Apache-2.0
// A configuration file, in either form, and what a former process may have left of the changes by
// commands.
#include "daemon/configuration/load.h"
#include "daemon/handover/run_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct configuration config = {0};
    char *error = failure_take_text(
        configuration_parse("F", (struct slice){(const char *)data, size}, &config));

    // An error names the file, and leaves nothing behind.
    if (error && (error[0] != 'F' || config.n_options || config.n_databases || config.n_remotes)) {
        abort();
    }
    json_decref(run_time_parse((struct slice){(const char *)data, size}));
    free(error);
    configuration_done(&config);
    return 0;
}

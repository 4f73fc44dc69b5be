// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer without libFuzzer on every file of the corpus folder given as argument, then on a
// fixed number of mutations of each file. The mutations and the hash key are the same in all runs.
#include "basic/hash.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_MUTATIONS 200
#define MAX_FILE    65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

// Changes `data` in one place: a bit, a byte, a piece removed, a piece repeated. Returns the new
// size.
static size_t mutate(uint8_t *data, size_t size)
{
    size_t at = size ? random_next() % size : 0;
    size_t n = size - at ? random_next() % (size - at) % 32 + 1 : 0;

    switch (random_next() % 4) {
    case 0:
        if (size) {
            data[at] ^= 1u << random_next() % 8;
        }
        return size;
    case 1:
        if (size) {
            data[at] = "{}[],:\"\\0e-.9truefalsenull\n\x80\xff"[random_next() % 29];
        }
        return size;
    case 2:
        n = n > size - at ? size - at : n;
        memmove(data + at, data + at + n, size - at - n);
        return size - n;
    default:
        n = n > size - at ? size - at : n;
        n = size + n > MAX_FILE ? MAX_FILE - size : n;
        memmove(data + at + n, data + at, size - at);
        return size + n;
    }
}

static int run_file(const char *path)
{
    static uint8_t original[MAX_FILE], data[MAX_FILE];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file) {
        perror(path);
        return -1;
    }
    size = fread(original, 1, sizeof(original), file);
    fclose(file);
    LLVMFuzzerTestOneInput(original, size);
    for (int i = 0; i < N_MUTATIONS; i++) {
        size_t mutated = size;

        memcpy(data, original, size);
        for (uint64_t n = random_next() % 4 + 1; n; n--) {
            mutated = mutate(data, mutated);
        }
        // An exact allocation, so that a sanitizer sees a read past the end.
        uint8_t *exact = malloc(mutated ? mutated : 1);

        memcpy(exact, data, mutated);
        LLVMFuzzerTestOneInput(exact, mutated);
        free(exact);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int n = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
    int n_files = 0;

    hash_set_key(0, 0);
    if (n < 0) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];

        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
            if (run_file(path)) {
                return 1;
            }
            n_files++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%d files, %d mutations of each\n", n_files, N_MUTATIONS);
    return n_files ? 0 : 1;
}

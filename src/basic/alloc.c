// SPDX-License-Identifier: Apache-2.0
#include "basic/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static _Noreturn void out_of_memory(void)
{
    static const char message[] = "out of memory\n";

    (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
    abort();
}

void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p) {
        out_of_memory();
    }
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n && size ? n : 1, n && size ? size : 1);

    if (!p) {
        out_of_memory();
    }
    return p;
}

void *xrealloc(void *p, size_t size)
{
    p = realloc(p, size ? size : 1);
    if (!p) {
        out_of_memory();
    }
    return p;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    p = reallocarray(p, n ? n : 1, size);
    if (!p) {
        out_of_memory();
    }
    return p;
}

void *xmemdup(const void *p, size_t size)
{
    void *copy = xmalloc(size);

    if (size) {
        memcpy(copy, p, size);
    }
    return copy;
}

char *xstrndup(const char *s, size_t size)
{
    char *copy = xmalloc(size + 1);

    if (size) {
        memcpy(copy, s, size);
    }
    copy[size] = '\0';
    return copy;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xvasprintf(const char *format, va_list args)
{
    char *s;

    if (vasprintf(&s, format, args) < 0) {
        out_of_memory();
    }
    return s;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    return s;
}

#ifdef __SANITIZE_ADDRESS__

// Uses the heap: the leak sanitizer looks for pointers only in memory from its own allocator.
void *zero_pages_new(size_t size)
{
    assert(size);
    return xcalloc(1, size);
}

void zero_pages_free(void *p, size_t size)
{
    free(p);
}

#else

void *zero_pages_new(size_t size)
{
    void *p;

    assert(size);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        out_of_memory();
    }
    return p;
}

void zero_pages_free(void *p, size_t size)
{
    munmap(p, size);
}

#endif

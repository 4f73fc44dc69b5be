// SPDX-License-Identifier: Apache-2.0
// Database files: opening any input ends with a database or an error. A database that was opened
// has the same rows after it was compacted and opened again. A salvaged database can be opened, and
// the mode STORE_RECOVER results in exactly the whole prefix. Input that is no database file is
// treated as lines of JSON: each becomes a record with the right hash after a fixed schema, so that
// the fuzzer reaches the code behind the hash check.
#include "basic/file.h"
#include "basic/log.h"
#include "engine/check.h"
#include "store/encode.h"
#include "store/new_file.h"
#include "store/salvage.h"
#include "store/store.h"

#include <assert.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema[] =
    "{\"name\":\"d\",\"tables\":{"
    "\"A\":{\"columns\":{\"s\":{\"type\":\"string\"},\"i\":{\"type\":{\"key\":{\"type\":"
    "\"integer\","
    "\"minInteger\":-5,\"maxInteger\":5}}},\"r\":{\"type\":\"real\"},\"b\":{\"type\":\"boolean\"},"
    "\"u\":{\"type\":\"uuid\"},\"e\":{\"type\":\"integer\",\"ephemeral\":true},"
    "\"o\":{\"type\":{\"key\":\"string\",\"min\":0}},"
    "\"ss\":{\"type\":{\"key\":\"string\",\"min\":0,\"max\":\"unlimited\"}},"
    "\"m\":{\"type\":{\"key\":\"string\",\"value\":\"integer\",\"min\":0,\"max\":3}},"
    "\"w\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"B\",\"refType\":\"weak\"},"
    "\"min\":0,\"max\":\"unlimited\"}},"
    "\"x\":{\"type\":{\"key\":{\"type\":\"uuid\",\"refTable\":\"B\"},\"min\":0}}},"
    "\"isRoot\":true,\"indexes\":[[\"s\"]]},"
    "\"B\":{\"columns\":{\"n\":{\"type\":\"integer\"}},\"isRoot\":true,\"maxRows\":2}}}";

static char path[64];

static void put_record(struct buf *file, struct slice json)
{
    _cleanup_buf_ struct buf record = {0};
    uint8_t sha1[RECORD_ID_SIZE];

    record_begin(&record);
    buf_put_slice(&record, json);
    buf_put_slice(file, record_end(&record, sha1));
}

static void make_file(const char *data, size_t size)
{
    _cleanup_buf_ struct buf file = {0};
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const char *end = data + size;

    if (size >= 5 && !memcmp(data, "OVSDB", 5)) {
        buf_put(&file, data, size);
    } else {
        put_record(&file, SLICE(schema));
        while (data < end) {
            const char *lf = memchr(data, '\n', (size_t)(end - data));

            lf = lf ? lf : end;
            put_record(&file, (struct slice){data, (size_t)(lf - data)});
            data = lf + 1;
        }
    }
    assert(fd >= 0 && !file_write_at(fd, file.data, file.size, 0));
}

static struct store *open_store(enum store_mode mode)
{
    struct store *store = NULL;
    struct ovsdb_error *error = store_open(path, mode, NULL, NULL, &store, NULL);

    if (error) {
        assert(error->tag && error->details);
        error_free(error);
        return NULL;
    }
    return store;
}

static struct buf dump(struct store *store)
{
    struct buf buf = {0};

    record_begin(&buf);
    encode_snapshot(&buf, store_db(store), NULL, 0);
    buf_consume(&buf, RECORD_HEADER_MAX);
    return buf;
}

// Removes the copies that recovery has made.
static void remove_copies(void)
{
    _cleanup_free_ char *pattern = xasprintf("%s.*", path);
    glob_t found;

    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            unlink(found.gl_pathv[i]);
        }
        globfree(&found);
    }
}

static void on_found(void *userdata, const char *text)
{
    assert(*text);
}

// The database salvaged from all records satisfies the schema: it can be written and loaded.
static void check_all(int fd)
{
    const struct findings findings = {on_found, NULL};
    _cleanup_free_ char *copy = xasprintf("%s.all", path);
    struct salvage all;
    struct new_file file;
    struct ovsdb_error *error = salvage_all(fd, path, &findings, NULL, &all);
    struct new_file_content content = {0};
    struct store *store = NULL;

    if (error) {
        error_free(error);
        return;
    }
    content = (struct new_file_content){.schema = db_schema(all.db), .db = all.db};
    assert(!new_file_write(copy, &content, -1, &file));
    unlink(copy);
    assert(!new_file_install(&file, false));
    new_file_done(&file);
    assert(!store_open(copy, STORE_READ_ONLY, NULL, NULL, &store, NULL));
    store_close(store);
    db_free(all.db);
}

static void check_recovery(void)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct salvage_prefix prefix;
    struct ovsdb_error *error;
    struct store *store;
    struct stat st;

    assert(fd >= 0 && !fstat(fd, &st));
    check_all(fd);
    error = salvage_prefix(fd, path, NULL, &prefix, NULL);
    store = open_store(STORE_RECOVER);
    assert(!error == !!store);
    if (error) {
        error_free(error);
        return;
    }
    assert(prefix.n_records && prefix.size <= (uint64_t)st.st_size);
    assert(store_size(store) == prefix.size);
    assert((prefix.damage != NULL) == (store_recovery(store) != NULL));
    salvage_prefix_done(&prefix);
    store_close(store);
}

static void set_up(void)
{
    const char *folder = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

    snprintf(path, sizeof(path), "%s/fuzz-record-%ld.db", folder, (long)getpid());
    log_set_level(NULL, -1, LOG_LEVEL_OFF);
    db_set_structure_checks(true);
}

static void clean_up(void)
{
    _cleanup_free_ char *slash = xstrdup(path), *lock = NULL;
    char *name = strrchr(slash, '/');

    *name = '\0';
    lock = xasprintf("%s/.%s.~lock~", slash, name + 1);
    unlink(path);
    unlink(lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store *store;
    struct buf before, after;

    if (!path[0]) {
        set_up();
        atexit(clean_up);
    }
    make_file((const char *)data, size);
    check_recovery();
    remove_copies();
    make_file((const char *)data, size);
    store = open_store(STORE_READ_WRITE);
    if (!store) {
        return 0;
    }
    before = dump(store);
    assert(!store_compact(store, NULL));
    store_close(store);
    store = open_store(STORE_READ_WRITE);
    assert(store);
    after = dump(store);
    assert(slice_equals(buf_slice(&before), buf_slice(&after)));
    buf_done(&before);
    buf_done(&after);
    store_close(store);
    remove_copies();
    return 0;
}

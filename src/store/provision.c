// SPDX-License-Identifier: Apache-2.0
// The copy has the same bytes as the file, so that it includes all former records. It is complete
// and synced before the new file replaces the old one.
#include "store/provision.h"

#include "basic/file.h"
#include "basic/log.h"
#include "basic/messages.h"
#include "model/version.h"
#include "store/put_aside.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

LOG_MODULE(store);

struct ovsdb_error *provision_read_schema(const char *path, struct schema **ret)
{
    _cleanup_buf_ struct buf text = {0};
    struct ovsdb_error *error;
    int r = file_read(path, &text);

    if (r < 0) {
        return error_io(-r, "cannot read schema %s", path);
    }
    error = schema_from_text(buf_slice(&text), ret);
    if (error) {
        error_prefix(error, "%s: ", path);
    }
    return error;
}

struct ovsdb_error *provision_create(const char *path, struct schema *schema)
{
    struct ovsdb_error *error;

    if (!access(path, F_OK) || errno != ENOENT) {
        return NULL; // if it cannot be used, store_open() returns the error
    }
    error = store_create(path, schema);
    if (!error) {
        log_event(LOG_LEVEL_INFO, MSG_DATABASE_CREATED,
                  LOG_FIELDS({"OVSDB_DATABASE", schema->name}), "%s: made, for database %s", path,
                  schema->name);
    }
    return error;
}

// The usual name of such a copy: it has the version and the first number of the checksum.
static char *name_of_copy(const char *path, const struct schema *schema)
{
    size_t size = 0;

    while (isalnum((unsigned char)schema->cksum[size])) {
        size++;
    }
    return xasprintf("%s.backup%s-%.*s", path, schema->version, (int)size, schema->cksum);
}

static struct ovsdb_error *copy_before_conversion(const char *path, const struct schema *schema,
                                                  const struct progress *progress, char **ret)
{
    _cleanup_free_ char *name = name_of_copy(path, schema);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? error_io(errno, "%s: cannot be opened", path)
                  : put_aside(name, fd, 0, progress, ret);
}

static struct ovsdb_error *convert(struct store *store, struct schema *schema,
                                   const struct progress *progress)
{
    const struct schema *former = db_schema(store_db(store));
    _cleanup_free_ char *version = xstrdup(former->version);
    _cleanup_free_ char *copy = NULL;
    _cleanup_free_ char *path = NULL;
    struct ovsdb_error *error;
    struct db *db;
    int r = file_resolve(store_path(store), &path);

    if (r < 0) {
        return error_io(-r, "%s: cannot be found", store_path(store));
    }
    error = store_convert(store_db(store), schema, progress, &db);
    if (error) {
        error_prefix(error, "%s: cannot be converted to version %s: ", store_path(store),
                     schema->version);
        return error;
    }
    error = copy_before_conversion(path, former, progress, &copy);
    if (!error) {
        error = store_replace(store, db, "converted by ovsdb-server", progress);
    }
    if (error) {
        db_free(db);
        return error;
    }
    log_event(LOG_LEVEL_INFO, MSG_DATABASE_UPGRADED, LOG_FIELDS({"OVSDB_DATABASE", schema->name}),
              "%s: converted from schema version %s to %s; the previous file is kept as %s",
              store_path(store), version, schema->version, copy);
    return NULL;
}

static bool is_newer(const struct schema *a, const struct schema *b)
{
    struct version versions[2];
    bool result;

    return version_parse(a->version, &versions[0]) && version_parse(b->version, &versions[1]) &&
           version_test(&versions[0], ">", &versions[1], &result) && result;
}

struct ovsdb_error *provision_convert(struct store *store, struct schema *schema,
                                      const struct progress *progress)
{
    const struct schema *present = db_schema(store_db(store));

    if (strcmp(present->name, schema->name)) {
        return error_new(ERROR_OVSDB, "%s: holds the database %s, but the schema is for %s",
                         store_path(store), present->name, schema->name);
    }
    if (!schema_needs_conversion(present, schema)) {
        return NULL;
    }
    if (is_newer(present, schema)) {
        log_event(LOG_LEVEL_WARN, MSG_DATABASE_NEWER, LOG_FIELDS({"OVSDB_DATABASE", schema->name}),
                  "%s: has schema version %s, newer than %s; it is not converted",
                  store_path(store), present->version, schema->version);
        return NULL;
    }
    return convert(store, schema, progress);
}

struct ovsdb_error *provision_open(const char *path, const char *schema_path, enum store_mode mode,
                                   const struct progress *progress, struct store **ret,
                                   bool *ret_is_damaged)
{
    _cleanup_schema_ struct schema *schema = NULL;
    struct ovsdb_error *error = schema_path ? provision_read_schema(schema_path, &schema) : NULL;
    struct store *store;

    *ret_is_damaged = false;
    if (!error && schema) {
        error = provision_create(path, schema);
    }
    error = error ? error : store_open_apart(path, mode, progress, &store, ret_is_damaged);
    if (error) {
        return error;
    }
    if (schema) {
        error = provision_convert(store, schema, progress);
        if (error) {
            store_close(store);
            return error;
        }
    }
    *ret = store;
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "cluster/snapshot_parts.h"

#include "basic/utf8.h"

static_assert(SNAPSHOT_PART_SIZE >= 4, "a part has room for a character");

void snapshot_cutter_init(struct snapshot_cutter *cutter, uint64_t index, struct slice contents)
{
    assert(index && contents.size);
    *cutter = (struct snapshot_cutter){.index = index, .contents = contents};
}

bool snapshot_cutter_next(const struct snapshot_cutter *cutter, size_t backlog,
                          struct wire_part *ret)
{
    struct slice rest = {cutter->contents.data + cutter->offset,
                         cutter->contents.size - cutter->offset};

    if (!rest.size || backlog > SNAPSHOT_BACKLOG_SIZE) {
        return false;
    }
    rest.size = utf8_cut(rest, SNAPSHOT_PART_SIZE);
    assert(rest.size);
    *ret = (struct wire_part){.index = cutter->index, .offset = cutter->offset, .data = rest};
    return true;
}

void snapshot_cutter_advance(struct snapshot_cutter *cutter, const struct wire_part *part)
{
    assert(part->index == cutter->index && part->offset == cutter->offset);
    cutter->offset += part->data.size;
    assert(cutter->offset <= cutter->contents.size);
}

bool snapshot_cutter_is_done(const struct snapshot_cutter *cutter)
{
    return cutter->offset == cutter->contents.size;
}

void snapshot_assembly_done(struct snapshot_assembly *assembly)
{
    buf_done(&assembly->contents);
    *assembly = (struct snapshot_assembly){0};
}

void snapshot_assembly_begin(struct snapshot_assembly *assembly,
                             const struct wire_snapshot *snapshot)
{
    assert(snapshot->message.index);
    snapshot_assembly_done(assembly);
    assembly->index = snapshot->message.index;
    assembly->size = snapshot->size;
    framer_init(&assembly->framer, SIZE_MAX);
}

static struct ovsdb_error *check_place(const struct snapshot_assembly *assembly,
                                       const struct wire_part *part)
{
    size_t received = assembly->contents.size;

    if (part->offset != received) {
        return error_new(ERROR_SYNTAX, "snapshot %llu: a part has the offset %llu instead of %zu",
                         (unsigned long long)assembly->index, (unsigned long long)part->offset,
                         received);
    }
    if (!part->data.size) {
        return error_new(ERROR_SYNTAX, "snapshot %llu: a part is empty",
                         (unsigned long long)assembly->index);
    }
    if (part->data.size > assembly->size - received) {
        return error_new(ERROR_SYNTAX, "snapshot %llu: the parts exceed its %llu bytes",
                         (unsigned long long)assembly->index, (unsigned long long)assembly->size);
    }
    return NULL;
}

// Checks the JSON syntax of the part, and whether the value ends with the contents.
static struct ovsdb_error *check_syntax(struct snapshot_assembly *assembly, struct slice data)
{
    bool is_last = assembly->contents.size + data.size == assembly->size;
    size_t consumed;
    enum framer_status status = framer_feed(&assembly->framer, data.data, data.size, &consumed);

    if (status == FRAMER_ERROR) {
        return error_new(ERROR_SYNTAX, "snapshot %llu: invalid JSON at offset %zu: %s",
                         (unsigned long long)assembly->index, assembly->contents.size + consumed,
                         framer_error(&assembly->framer));
    }
    if ((status == FRAMER_DONE) != is_last || consumed != data.size) {
        return error_new(ERROR_SYNTAX,
                         "snapshot %llu: the JSON value does not end at its %llu bytes",
                         (unsigned long long)assembly->index, (unsigned long long)assembly->size);
    }
    return NULL;
}

static struct ovsdb_error *add_part(struct snapshot_assembly *assembly,
                                    const struct wire_part *part, enum snapshot_progress *ret)
{
    struct ovsdb_error *error = check_place(assembly, part);
    struct entry_data data;

    error = error ? error : check_syntax(assembly, part->data);
    if (error) {
        return error;
    }
    buf_put_slice(&assembly->contents, part->data);
    if (assembly->contents.size < assembly->size) {
        *ret = SNAPSHOT_MORE;
        return NULL;
    }
    error = entry_data_decode(buf_slice(&assembly->contents), &data);
    if (error) {
        error_prefix(error, "snapshot %llu: ", (unsigned long long)assembly->index);
        return error;
    }
    *ret = SNAPSHOT_COMPLETE;
    return NULL;
}

struct ovsdb_error *snapshot_assembly_add(struct snapshot_assembly *assembly,
                                          const struct wire_part *part, enum snapshot_progress *ret)
{
    struct ovsdb_error *error;

    if (!assembly->index || part->index != assembly->index) {
        *ret = SNAPSHOT_IGNORED;
        return NULL;
    }
    error = add_part(assembly, part, ret);
    if (error) {
        snapshot_assembly_done(assembly);
    }
    return error;
}

// SPDX-License-Identifier: Apache-2.0
// The disk of a member does one write after the other. A full disk does none until it has space.
#include "simulation.h"

struct disk_write *disk_write_new(struct member *member)
{
    struct simulation *simulation = member->simulation;
    struct disk_write *write = NEW(struct disk_write);
    uint64_t after = simulation->now;

    for (struct disk_write *earlier = member->writes; earlier; earlier = earlier->next) {
        after = MAX(after, earlier->due);
    }
    write->due = after + chance(simulation, member->is_slow ? 400 : 20);
    *member->last_write = write;
    member->last_write = &write->next;
    return write;
}

static void disk_write_done(struct member *member)
{
    struct disk_write *write = member->writes;

    member->writes = write->next;
    member->last_write = member->writes ? member->last_write : &member->writes;
    log_done(&write->entries);
    free(write);
}

// A member that does not run gets no confirmation.
static void finish_write(struct member *member)
{
    struct disk_write *write = member->writes;
    struct simulation *simulation = member->simulation;
    struct member_message snapshot = write->snapshot;

    if (snapshot.kind == MESSAGE_SNAPSHOT) {
        contents_install(&member->disk, &snapshot, &write->machine);
        disk_write_done(member);
        if (member->consensus) {
            contents_install(&member->memory, &snapshot, &member->disk.machine);
            member->machine = member->disk.machine;
            simulation->count.installed++;
            consensus_installed(member->consensus, simulation->now, &snapshot);
        }
    } else {
        contents_append(&member->disk, write->entries.entries, write->entries.n);
        disk_write_done(member);
        if (member->consensus) {
            consensus_persisted(member->consensus, simulation->now, 1);
        }
    }
}

void disk_step(struct member *member)
{
    while (!member->is_full && member->writes && member->writes->due <= member->simulation->now) {
        finish_write(member);
    }
}

void disk_crash(struct member *member)
{
    while (!member->is_full && member->writes && chance(member->simulation, 2)) {
        finish_write(member);
    }
    while (member->writes) {
        disk_write_done(member);
    }
}

// SPDX-License-Identifier: Apache-2.0 Clients append to a list, write a register and read both, at
// the member that they believe to be the leader. An operation is an entry of the log; for reads
// see enum read_kind. If a client gets no answer it tries again elsewhere, and at last goes on
// without knowing the outcome.
#include "simulation.h"

enum { PATIENCE_MS = 1500, MAX_ATTEMPTS = 4 };

static bool was_applied(const struct machine *machine, size_t operation)
{
    return machine->applied[operation / 64] & 1ull << operation % 64;
}

void machine_apply(struct simulation *simulation, struct machine *machine,
                   const struct log_entry *entry)
{
    const struct client_operation *operation;
    size_t number;
    uint64_t *value;

    machine->digest = list_append(machine->digest, entry->index);
    machine->digest = list_append(machine->digest, entry->term);
    if (uuid_is_zero(entry->eid)) {
        return;
    }
    number = entry->eid.hi - 1;
    operation = &simulation->operations[number];
    value = &machine->values[operation->key];
    machine->digest = list_append(machine->digest, number);
    if (was_applied(machine, number)) {
        return;
    }
    machine->applied[number / 64] |= 1ull << number % 64;
    if (operation->operation.kind == OPERATION_WRITE) {
        *value = operation->operation.value;
    } else if (operation->operation.kind == OPERATION_APPEND) {
        *value = list_append(*value, operation->operation.value);
    }
}

static void answer(struct simulation *simulation, struct client *client,
                   const struct machine *machine)
{
    struct client_operation *operation = &simulation->operations[client->operation];

    if (!chance(simulation, 20)) {
        return; // the answer gets lost
    }
    operation->operation.end = simulation->now;
    if (operation->operation.kind == OPERATION_READ) {
        operation->operation.value = machine->values[operation->key];
    }
    client->is_waiting = false;
    client->next = simulation->now + 20 + chance(simulation, 300);
    simulation->count.answers++;
}

void client_entry_applied(struct member *member, const struct log_entry *entry)
{
    struct simulation *simulation = member->simulation;
    const struct client_operation *operation;
    struct client *client;

    for (size_t i = 0; i < N_CLIENTS; i++) {
        client = &simulation->clients[i];
        if (client->is_waiting && client->read_index == entry->index &&
            client->server == member->number && client->incarnation == member->incarnation &&
            member_is_leader(member)) {
            answer(simulation, client, &member->machine);
        }
    }
    if (uuid_is_zero(entry->eid)) {
        return;
    }
    operation = &simulation->operations[entry->eid.hi - 1];
    client = &simulation->clients[operation->client];
    if (client->is_waiting && client->operation == entry->eid.hi - 1 &&
        operation->attempt == entry->eid.lo && client->server == member->number &&
        client->incarnation == member->incarnation) {
        answer(simulation, client, &member->machine);
    }
}

static void operation_begin(struct simulation *simulation, struct client *client)
{
    size_t number = simulation->n_operations++;
    struct client_operation *operation = &simulation->operations[number];

    assert_true(number < MAX_OPERATIONS);
    operation->client = (size_t)(client - simulation->clients);
    operation->key = chance(simulation, N_KEYS);
    operation->operation = (struct operation){
        .kind = chance(simulation, 2) ? OPERATION_READ
                : operation->key      ? OPERATION_WRITE
                                      : OPERATION_APPEND,
        .value = number + 1,
        .call = simulation->now,
        .end = NEVER,
    };
    client->operation = number;
    client->is_waiting = true;
    client->n_attempts = 0;
}

// True if the member is the leader, as far as it knows.
static bool read_unlogged(struct simulation *simulation, struct client *client,
                          struct member *member)
{
    struct consensus_state state;

    if (!member_is_leader(member)) {
        return false;
    }
    consensus_state(member->consensus, &state);
    if (simulation->reads == READ_COMMITTED || state.last_index == member->commit_index) {
        answer(simulation, client, &member->machine);
    } else {
        client->read_index = state.last_index;
    }
    return true;
}

// True if the member has taken the operation.
static bool operation_submit(struct simulation *simulation, struct client *client)
{
    struct client_operation *operation = &simulation->operations[client->operation];
    struct member *member = &simulation->members[client->server];
    struct log_entry entry = {.data = slice_of("x")};

    if (!member->consensus) {
        return false;
    }
    client->incarnation = member->incarnation;
    client->read_index = 0;
    if (operation->operation.kind == OPERATION_READ && simulation->reads != READ_LOGGED) {
        return read_unlogged(simulation, client, member);
    }
    entry.eid = (struct uuid){client->operation + 1, ++operation->attempt};
    return !consensus_submit(member->consensus, simulation->now, &entry, 1);
}

void client_step(struct simulation *simulation, struct client *client)
{
    if (client->is_waiting && client->n_attempts >= MAX_ATTEMPTS) {
        client->is_waiting = false;
        simulation->count.unknown++;
    }
    if (!client->is_waiting) {
        if (!simulation->has_clients) {
            client->next = NEVER;
            return;
        }
        operation_begin(simulation, client);
    }
    client->next = simulation->now + PATIENCE_MS;
    if (operation_submit(simulation, client)) {
        client->n_attempts++;
    } else {
        client->server = chance(simulation, MAX_SERVERS);
        client->next = simulation->now + 5 + chance(simulation, 20);
    }
}

bool histories_are_linearizable(const struct simulation *simulation)
{
    _cleanup_free_ struct operation *history =
        NEW_ARRAY(struct operation, simulation->n_operations + 1);

    for (size_t key = 0; key < N_KEYS; key++) {
        size_t n = 0;

        for (size_t i = 0; i < simulation->n_operations; i++) {
            const struct client_operation *operation = &simulation->operations[i];

            // A read without a result says nothing.
            if (operation->key == key && (operation->operation.kind != OPERATION_READ ||
                                          operation->operation.end != NEVER)) {
                history[n++] = operation->operation;
            }
        }
        if (!is_linearizable(history, n)) {
            return false;
        }
    }
    return true;
}

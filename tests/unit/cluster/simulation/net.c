// SPDX-License-Identifier: Apache-2.0
// Messages between two members keep their order; those between others overtake each other.
#include "simulation.h"

static bool is_earlier(const struct packet *a, const struct packet *b)
{
    return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void heap_push(struct simulation *simulation, struct packet *packet)
{
    size_t i = simulation->n_packets;

    GROW(simulation->packets, simulation->n_packets, simulation->packets_capacity);
    simulation->n_packets++;
    for (; i && is_earlier(packet, simulation->packets[(i - 1) / 2]); i = (i - 1) / 2) {
        simulation->packets[i] = simulation->packets[(i - 1) / 2];
    }
    simulation->packets[i] = packet;
}

static struct packet *heap_pop(struct simulation *simulation)
{
    struct packet *first = simulation->packets[0];
    struct packet *last = simulation->packets[--simulation->n_packets];
    size_t i = 0;

    for (size_t child = 1; child < simulation->n_packets; child = i * 2 + 1) {
        if (child + 1 < simulation->n_packets &&
            is_earlier(simulation->packets[child + 1], simulation->packets[child])) {
            child++;
        }
        if (!is_earlier(simulation->packets[child], last)) {
            break;
        }
        simulation->packets[i] = simulation->packets[child];
        i = child;
    }
    simulation->packets[i] = last;
    return first;
}

static void packet_free(struct packet *packet)
{
    log_done(&packet->entries);
    free(packet->machine);
    free(packet);
}

void net_send(struct member *member, struct uuid to, const struct member_message *message)
{
    struct simulation *simulation = member->simulation;
    struct packet *packet = NEW(struct packet);
    uint64_t *last_due;

    packet->from = member->number;
    packet->to = member_find(simulation, to)->number;
    packet->epoch = simulation->epoch[packet->from][packet->to];
    last_due = &simulation->last_due[packet->from][packet->to];
    packet->due = simulation->now + 1 + chance(simulation, 10) * chance(simulation, 10);
    packet->due = MAX(packet->due, *last_due);
    packet->number = simulation->n_sent++;
    *last_due = packet->due;
    packet->message = *message;
    log_add(&packet->entries, message->entries, message->n_entries);
    packet->message.entries = packet->entries.entries;
    if (message->kind == MESSAGE_SNAPSHOT) {
        packet->machine = xmemdup(&member->memory.machine, sizeof(member->memory.machine));
    }
    heap_push(simulation, packet);
}

uint64_t net_deadline(const struct simulation *simulation)
{
    return simulation->n_packets ? simulation->packets[0]->due : NEVER;
}

void net_deliver(struct simulation *simulation)
{
    while (net_deadline(simulation) <= simulation->now) {
        struct packet *packet = heap_pop(simulation);
        struct member *to = &simulation->members[packet->to];

        if (to->consensus && !simulation->is_cut[packet->from][packet->to] &&
            packet->epoch == simulation->epoch[packet->from][packet->to]) {
            if (packet->machine) {
                to->incoming = *packet->machine;
            }
            consensus_receive(to->consensus, simulation->now, simulation->members[packet->from].id,
                              &packet->message);
        }
        packet_free(packet);
    }
}

void net_break(struct simulation *simulation, size_t a, size_t b)
{
    simulation->epoch[a][b]++;
    simulation->epoch[b][a]++;
}

void net_done(struct simulation *simulation)
{
    while (simulation->n_packets) {
        packet_free(heap_pop(simulation));
    }
    free(simulation->packets);
}

#include "cli/nodeview.h"

#include <stdio.h>

void nodeview_text(const struct scaleout_state *state, char out[NODEVIEW_TEXT_MAX])
{
    (void)snprintf(out, NODEVIEW_TEXT_MAX, "spread by Citus %s over %zu %s, %u shards of each table%s",
                   state->citus, state->count, state->count == 1 ? "node" : "nodes", state->shards,
                   state->moving ? "; what it held is still being copied" : "");
}

void nodeview_node(const struct scaleout_node *node, char out[NODEVIEW_TEXT_MAX])
{
    const char *role = node->coordinator ? "coordinator" : "worker";
    if (node->reached)
        (void)snprintf(out, NODEVIEW_TEXT_MAX, "%s:%u %s, %" PRId64 " shards, %" PRId64 " MB", node->host,
                       node->port, role, node->shards, node->bytes / 1000000);
    else
        (void)snprintf(out, NODEVIEW_TEXT_MAX, "%s:%u %s, %" PRId64 " shards, NOT REACHED", node->host,
                       node->port, role, node->shards);
}

json_t *nodeview_json(const struct scaleout_state *state)
{
    if (!state->spread)
        return json_null();
    json_t *nodes = json_array();
    for (size_t i = 0; i < state->count; i++) {
        const struct scaleout_node *node = &state->node[i];
        (void)json_array_append_new(
            nodes, json_pack("{s:o, s:i, s:b, s:b, s:b, s:I, s:o, s:o}", "host",
                             cmd_json_latin1(span_str(node->host)), "port", (int)node->port, "coordinator",
                             (int)node->coordinator, "active", (int)node->active, "reached",
                             (int)node->reached, "shards", (json_int_t)node->shards, "bytes",
                             node->reached ? json_integer((json_int_t)node->bytes) : json_null(), "prepared",
                             node->reached ? json_integer((json_int_t)node->prepared) : json_null()));
    }
    return json_pack("{s:s, s:i, s:b, s:o}", "citus", state->citus, "shards", (int)state->shards, "moving",
                     (int)state->moving, "nodes", nodes);
}

static bool node_ill(const struct scaleout_node *node, unsigned which, struct dbill *ill)
{
    if (which == 0 && (!node->reached || !node->active)) {
        (void)snprintf(ill->what, sizeof ill->what,
                       "node %.200s:%u %s: nothing is stored until it is back, and searches lack it",
                       node->host, node->port, node->reached ? "is disabled" : "does not answer");
        (void)snprintf(ill->remedy, sizeof ill->remedy,
                       "start it, or let a standby of it take over (citus_update_node)");
        return true;
    }
    if (which == 1 && node->prepared != 0) {
        (void)snprintf(ill->what, sizeof ill->what,
                       "node %.200s:%u has %" PRId64 " prepared transactions for more than a minute",
                       node->host, node->port, node->prepared);
        (void)snprintf(ill->remedy, sizeof ill->remedy,
                       "SELECT recover_prepared_transactions() on the coordinator");
        return true;
    }
    return false;
}

bool nodeview_ill(const struct scaleout_state *state, unsigned *at, struct dbill *ill)
{
    if (*at == 0) {
        ++*at;
        if (state->moving) {
            (void)snprintf(ill->what, sizeof ill->what,
                           "the database is not spread to its end; nothing is stored meanwhile");
            (void)snprintf(ill->remedy, sizeof ill->remedy, "ctvigil db migrate --citus goes on with it");
            return true;
        }
    }
    while (*at <= 2 * state->count) {
        unsigned step = (*at)++ - 1;
        if (node_ill(&state->node[step / 2], step % 2, ill))
            return true;
    }
    return false;
}

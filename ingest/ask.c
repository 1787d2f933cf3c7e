#include "ingest/ask.h"

#include <stdio.h>

#include "base/clock.h"

#define TURN_MS 100

static void done(void *arg, const struct wire_reply *reply)
{
    struct ask *ask = arg;
    ask->code = reply->code;
    ask->status = reply->status;
    ask->retry_after_ms = reply->retry_after_ms;
    ask->body = reply->body;
    ask->why = reply->why;
    (void)snprintf(ask->new_etag, sizeof(ask->new_etag), "%s", reply->etag);
}

static void send(struct wire *wire, struct ask *ask)
{
    ask->asked = true;
    if (!arena_init(&ask->arena, ask->ceiling + 4096)) {
        ask->code = err_set(&ask->why, ERR_MEMORY, "%s: out of memory", ask->url);
        return;
    }
    struct wire_ask request = {.url = ask->url,
                               .arena = &ask->arena,
                               .ceiling = ask->ceiling,
                               .done = done,
                               .arg = ask,
                               .source = ask->source};
    enum err_code code = wire_get_newer(wire, &request, ask->etag == NULL ? "" : ask->etag, &ask->why);
    if (code != ERR_OK)
        ask->code = code;
}

enum err_code ask_all(const char *user_agent, struct ask *asks, size_t count, int64_t wait_ms,
                      const atomic_bool *stop, struct err *why)
{
    struct wire *wire = NULL;
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        asks[i].asked = false;
        asks[i].code = ERR_CLOSED;
        asks[i].retry_after_ms = -1;
    }
    enum err_code code = wire_new(user_agent, 2, &wire, why);
    if (code != ERR_OK)
        return code;
    int64_t until_ms = clock_mono_ms() + wait_ms;
    while ((sent < count || wire_count(wire) > 0) && (stop == NULL || !atomic_load(stop))) {
        while (sent < count && wire_count(wire) < ASK_TOGETHER) {
            send(wire, &asks[sent++]);
            until_ms = clock_mono_ms() + wait_ms;
        }
        wire_turn(wire, TURN_MS);
        for (size_t i = 0; clock_mono_ms() > until_ms && i < sent; i++)
            wire_drop(wire, &asks[i]);
    }
    wire_cancel(wire);
    wire_free(wire);
    return ERR_OK;
}

void ask_fini(struct ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (asks[i].asked && asks[i].arena.base != NULL)
            arena_fini(&asks[i].arena);
}

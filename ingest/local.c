#include "ingest/local.h"

#include <stdlib.h>

struct local_call {
    struct local_call *link;
    struct wire_ask ask;
    char path[]; /* behind the prefix */
};

bool local_serves(const struct local *local, const char *url)
{
    const char *prefix = local->source.prefix;
    return prefix != NULL && strncmp(url, prefix, strlen(prefix)) == 0;
}

enum err_code local_get(struct local *local, const struct wire_ask *ask, struct err *why)
{
    const char *path = ask->url + strlen(local->source.prefix);
    size_t len = strlen(path) + 1;
    struct local_call *call = malloc(sizeof(*call) + len);
    if (call == NULL)
        return err_set(why, ERR_MEMORY, "%s: out of memory", ask->url);
    call->link = NULL;
    call->ask = *ask;
    call->ask.url = NULL;
    memcpy(call->path, path, len);
    if (local->first == NULL)
        local->first = call;
    else
        local->last->link = call;
    local->last = call;
    local->count++;
    return ERR_OK;
}

/* Takes `call`, which stands behind `before` (NULL: it is the first), out of the list. */
static void take_out(struct local *local, struct local_call *before, struct local_call *call)
{
    if (before == NULL)
        local->first = call->link;
    else
        before->link = call->link;
    if (local->last == call)
        local->last = before;
    local->count--;
}

unsigned local_turn(struct local *local)
{
    static const uint8_t nothing[1];
    unsigned count = local->count; /* what is asked for by those who are told waits for the next turn */
    for (unsigned i = 0; i < count && local->first != NULL; i++) {
        struct local_call *call = local->first;
        struct wire_reply reply = {.retry_after_ms = -1, .etag = "", .body = span_of(nothing, 0)};
        take_out(local, NULL, call);
        local->source.get(local->source.arg, call->path, &call->ask, &reply);
        call->ask.done(call->ask.arg, &reply);
        free(call);
    }
    return count;
}

void local_end(struct local *local, const void *arg, enum err_code code)
{
    static const uint8_t nothing[1];
    struct local_call *before = NULL;
    struct local_call *call = local->first;
    while (call != NULL) {
        if (arg != NULL && call->ask.arg != arg) {
            before = call;
            call = call->link;
            continue;
        }
        struct wire_reply reply = {.retry_after_ms = -1, .etag = "", .body = span_of(nothing, 0)};
        reply.code = err_set(&reply.why, code, "%s: given up before it was read", call->path);
        take_out(local, before, call);
        call->ask.done(call->ask.arg, &reply);
        free(call);
        /* What is told of it may ask for more: the list is begun again. */
        before = NULL;
        call = local->first;
    }
}

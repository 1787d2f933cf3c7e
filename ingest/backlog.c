#include "ingest/backlog.h"

#include <stdio.h>

#include "base/say.h"

void backlog_make(struct plant *plant, struct follow *front)
{
    if (front->back != NULL || backlog_is(front))
        return;
    struct follow *back = follow_new(&front->log, front->proto, plant->options.page_entries);
    if (back == NULL) {
        say_error(front->log.name, "its backlog is not read: out of memory");
        return;
    }
    back->front = front;
    back->settler = front->settler;
    thread_lock(&front->lock);
    back->plan = front->plan; /* what the log gives at once was learned already */
    thread_unlock(&front->lock);
    if (!plant_add(plant, back)) {
        say_error(front->log.name, "its backlog is not read: more than %d readings", LIMIT_FOLLOWS);
        follow_free(back);
        return;
    }
    front->back = back;
    /* Whoever removes a log marks what is in the list; this came into it meanwhile, or not yet then. */
    if (atomic_load(&front->removed))
        atomic_store(&back->removed, true);
    plant_kick(plant, back);
    plant_wake(plant);
}

void backlog_heads(struct follow *back)
{
    struct follow *front = back->front;
    thread_lock(&front->lock);
    bool known = front->head_known;
    uint64_t size = front->head_size;
    uint64_t target = front->head_target;
    thread_unlock(&front->lock);
    if (!known) {
        /* Given up: nobody will ever know how far may be read. */
        if (atomic_load(&front->done)) {
            atomic_store(&back->unread, true);
            atomic_store(&back->done, true);
        }
        return;
    }
    back->fetch.head = front->fetch.head;
    thread_lock(&back->lock);
    back->head_known = true;
    back->head_size = size;
    back->head_target = target;
    thread_unlock(&back->lock);
}

struct follow *backlog_next(struct plant *plant, uint64_t round)
{
    struct follow *next = NULL;
    for (size_t i = 0; i < atomic_load(&plant->follow_count); i++) {
        struct follow *follow = plant->follows[i];
        if (!backlog_is(follow) || follow->fetch.turn_round == round || follow->fetch.host == NULL ||
            atomic_load(&follow->removed) || atomic_load(&follow->done))
            continue;
        if (next == NULL || follow->fetch.turn.pass < next->fetch.turn.pass)
            next = follow;
    }
    return next;
}

bool backlog_done(const struct follow *front)
{
    return front->back == NULL || atomic_load(&front->back->done);
}

void backlog_error(struct follow *front, char text[ERR_TEXT_MAX])
{
    struct follow *back = front->back;
    text[0] = '\0';
    if (back == NULL || atomic_load(&back->done))
        return;
    thread_lock(&back->lock);
    snprintf(text, ERR_TEXT_MAX, "%s",
             back->settle.refusal[0] != '\0' ? back->settle.refusal : back->error_read);
    thread_unlock(&back->lock);
}

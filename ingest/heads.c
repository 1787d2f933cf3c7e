#include "ingest/heads.h"

#include <stdio.h>

#include "base/say.h"
#include "ingest/bridge.h"
#include "ingest/claims.h"
#include "ingest/evidence.h"
#include "ingest/reread.h"
#include "verify/merkle.h"

/* Into the ascending list; a list that is full forgets its largest, which the store still has. */
static void insert(struct follow_settle *own, struct follow_head *head)
{
    struct follow_head **place = &own->heads;
    while (*place != NULL && (*place)->head.size <= head->head.size)
        place = &(*place)->link;
    head->link = *place;
    *place = head;
    if (++own->head_count <= FOLLOW_HEADS_MAX)
        return;
    while ((*place)->link != NULL)
        place = &(*place)->link;
    follow_head_free(*place);
    *place = NULL;
    own->head_count--;
    own->heads_more = true;
}

void heads_drop(struct follow_settle *own, uint64_t size)
{
    while (own->heads != NULL && own->heads->head.size <= size) {
        struct follow_head *head = own->heads;
        own->heads = head->link;
        own->head_count--;
        follow_head_free(head);
    }
}

void heads_load(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct head rows[FOLLOW_HEADS_MAX];
    size_t count = 0;
    uint64_t above = own->range.next > own->range.verified ? own->range.next - 1 : own->range.verified;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->heads(settle->store, follow->log.id, above, rows, FOLLOW_HEADS_MAX, &count,
                                         &why);
    } while (settle_again(settle, code, &why));
    follow_heads_free(&own->heads);
    own->head_count = 0;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct follow_head *copy = follow_head_new(&rows[i]);
        if (copy != NULL)
            insert(own, copy);
    }
    own->heads_more = count == FOLLOW_HEADS_MAX;
    struct follow_head *bridge = bridge_head(follow, above);
    if (bridge != NULL)
        insert(own, bridge);
}

/* The log shows the same heads at every look; one account is enough. */
static bool fork_told(const struct follow_settle *own, const struct head *head)
{
    for (size_t i = 0; i < own->forked_count && i < FOLLOW_CONDEMNED_MAX; i++)
        if (own->forked[i].size == head->size && memcmp(own->forked[i].root, head->root, 32) == 0)
            return true;
    return false;
}

static void fork_note(struct follow_settle *own, const struct head *head)
{
    if (fork_told(own, head))
        return;
    struct follow_condemned *place = &own->forked[own->forked_count++ % FOLLOW_CONDEMNED_MAX];
    place->size = head->size;
    memcpy(place->root, head->root, 32);
}

static void fork_keep(struct settle *settle, struct follow *follow, const struct head *head,
                      const struct head *other)
{
    struct follow_settle *own = &follow->settle;
    char sentence[256];
    atomic_store(&follow->unverified, true);
    if (fork_told(own, head) && fork_told(own, other))
        return; /* a third one is another matter */
    snprintf(sentence, sizeof(sentence), "the log signed two different trees of %" PRIu64 " entries",
             head->size);
    struct evidence evidence = {.kind = "fork",
                                .begin = head->size,
                                .end = head->size,
                                .head = head,
                                .other = other,
                                .sentence = sentence};
    struct err why = {.code = ERR_OK};
    if (evidence_keep(settle, follow, &evidence, &why) != ERR_OK) {
        say_error(follow->log.name, "evidence: %s", why.text);
        return;
    }
    fork_note(own, head);
    fork_note(own, other);
}

/* A head that was found wrong in an earlier run is no better in this one. */
static void refuted_check(struct settle *settle, struct follow *follow, const struct head *head)
{
    struct err why;
    enum err_code code;
    bool refuted = false;
    do {
        err_clear(&why);
        code = settle->store->ops->refuted(settle->store, follow->log.id, head, &refuted, &why);
    } while (settle_again(settle, code, &why));
    if (code == ERR_OK && refuted)
        atomic_store(&follow->unverified, true);
}

/* Keeps one head; false: the store failed and the head is lost to us, but the log will say it again. */
static bool head_store(struct settle *settle, struct follow *follow, struct follow_head *head)
{
    struct head other = {.size = 0};
    bool fork = false;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        fork = false;
        code = settle->store->ops->head(settle->store, follow->log.id, &head->head, &fork, &other, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK) {
        say_error(follow->log.name, "tree head: %s", why.text);
        return false;
    }
    plant_told(settle->plant, follow, "head", 0, head->head.size);
    if (settle->plant->options.once)
        refuted_check(settle, follow, &head->head);
    if (fork)
        fork_keep(settle, follow, &head->head, &other);
    return true;
}

static bool head_listed(const struct follow_settle *own, const struct head *head)
{
    for (const struct follow_head *at = own->heads; at != NULL; at = at->link)
        if (at->head.size == head->size && memcmp(at->head.root, head->root, 32) == 0)
            return true;
    return false;
}

/* What others saw of the log meanwhile. Who shows them another tree than us is found out here. */
static void others_load(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    struct head rows[FOLLOW_HEADS_MAX];
    size_t count = 0;
    uint64_t above = own->range.next > own->range.verified ? own->range.next - 1 : own->range.verified;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->heads(settle->store, follow->log.id, above, rows, FOLLOW_HEADS_MAX, &count,
                                         &why);
    } while (settle_again(settle, code, &why));
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (head_listed(own, &rows[i]) || reread_condemned(follow, &rows[i]))
            continue;
        struct follow_head *copy = follow_head_new(&rows[i]);
        if (copy != NULL)
            insert(own, copy);
    }
    own->heads_more = own->heads_more || count == FOLLOW_HEADS_MAX;
}

void heads_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    bool any = false;
    thread_lock(&follow->lock);
    struct follow_head *list = follow->heads_new;
    follow->heads_new = NULL;
    follow->heads_new_count = 0;
    uint64_t target = follow->head_known ? follow->head_target : UINT64_MAX;
    thread_unlock(&follow->lock);
    if (settle->plant->options.once)
        own->target = target;
    while (list != NULL) {
        struct follow_head *head = list;
        list = head->link;
        head->link = NULL;
        bool stored = head_store(settle, follow, head);
        any = any || stored;
        bool ahead = head->head.size >= own->range.next && head->head.size > own->range.verified;
        if (stored && own->held && head->head.size < own->range.verified)
            claims_head(follow, &head->head);
        if (stored && own->held && ahead && !head_listed(own, &head->head) &&
            !reread_condemned(follow, &head->head))
            insert(own, head);
        else
            follow_head_free(head);
    }
    if (any && own->held && !settle->plant->options.once)
        others_load(settle, follow);
}

struct follow_head *heads_compare(const struct compact *compact, struct follow_head **list,
                                  struct follow_head **unequal, uint8_t root[32])
{
    struct follow_head *equal = NULL;
    bool hashed = false;
    while (*list != NULL && (*list)->head.size <= compact->size) {
        struct follow_head *head = *list;
        *list = head->link;
        if (head->head.size < compact->size)
            continue;
        if (!hashed)
            merkle_root(compact, root);
        hashed = true;
        if (memcmp(head->head.root, root, 32) == 0)
            equal = head;
        else
            *unequal = head;
    }
    return equal;
}

struct follow_head *heads_take(struct follow_settle *own, struct follow_head *head)
{
    struct follow_head **place = &own->heads;
    while (*place != head)
        place = &(*place)->link;
    *place = head->link;
    own->head_count--;
    return head;
}

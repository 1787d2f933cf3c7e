#include "ingest/forged.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/say.h"
#include "ingest/evidence.h"
#include "ingest/headform.h"

#define TIMES    2 /* in a row; all but the first over a connection of their own */
#define PAUSE_MS INT64_C(3600000)

void forged_heard(struct follow *follow, struct span body)
{
    struct headform form;
    if (headform_read(&follow->log, body, &form, NULL) != ERR_OK || ++follow->fetch.forged < TIMES)
        return;
    struct follow_head *copy = follow_head_new(&form.unverified);
    thread_lock(&follow->lock);
    follow_head_free(follow->forged);
    follow->forged = copy;
    thread_unlock(&follow->lock);
}

void forged_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    if (!own->held)
        return; /* whoever has the range tells of it */
    thread_lock(&follow->lock);
    struct follow_head *head = follow->forged;
    follow->forged = NULL;
    thread_unlock(&follow->lock);
    if (head == NULL)
        return;
    int64_t now_ms = clock_mono_ms();
    bool told =
        own->forged_ms != 0 && (now_ms - own->forged_ms < PAUSE_MS || own->forged_at == own->range.verified);
    atomic_store(&follow->unverified, true);
    if (!told) {
        char sentence[256];
        struct err why = {.code = ERR_OK};
        snprintf(sentence, sizeof(sentence),
                 "the log shows a tree of %" PRIu64
                 " entries that is not signed with its key, again over a new connection",
                 head->head.size);
        struct evidence evidence = {.kind = "bad_signature",
                                    .begin = own->range.verified,
                                    .end = own->range.verified,
                                    .head = &head->head,
                                    .sentence = sentence};
        if (evidence_keep(settle, follow, &evidence, &why) != ERR_OK) {
            say_error(follow->log.name, "evidence: %s", why.text);
        } else {
            own->forged_ms = now_ms;
            own->forged_at = own->range.verified;
        }
    }
    follow_head_free(head);
}

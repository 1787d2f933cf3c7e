#include "ingest/lognote.h"

#include <stdio.h>

#include "base/clock.h"
#include "ingest/backlog.h"

#define NOTE_MS 30000

void lognote_serve(struct settle *settle, struct follow *follow)
{
    struct follow_settle *own = &follow->settle;
    char text[ERR_TEXT_MAX];
    int64_t now_ms = clock_mono_ms();
    thread_lock(&follow->lock);
    const char *heard = follow->error_read[0] != '\0' ? follow->error_read : follow->error_head;
    snprintf(text, sizeof(text), "%s", own->refusal[0] != '\0' ? own->refusal : heard);
    bool contact = follow->contact_wall_ms != 0;
    thread_unlock(&follow->lock);
    if (text[0] == '\0')
        backlog_error(follow, text);
    bool changed = strcmp(text, own->noted) != 0;
    int64_t wait_ms = changed && own->noted_ms != 0 ? 1000 : NOTE_MS;
    if ((!changed && !contact) || (own->noted_ms != 0 && now_ms - own->noted_ms < wait_ms))
        return;
    struct err why = {.code = ERR_OK};
    if (settle->store->ops->log_note(settle->store, follow->log.id, text, &why) == ERR_OK)
        memcpy(own->noted, text, sizeof(text));
    own->noted_ms = now_ms;
}

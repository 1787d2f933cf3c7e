#include "ingest/proto.h"

#include <stdarg.h>
#include <stdio.h>

#include "ingest/rfc6962.h"
#include "ingest/statict.h"

const struct proto *proto_of(enum ctlog_protocol protocol)
{
    switch (protocol) {
    case CTLOG_STATIC_CT:
        return statict_proto();
    case CTLOG_ARCHIVE:
        return statict_unindexed();
    case CTLOG_RFC6962:
    case CTLOG_HYBRID:
        break;
    }
    return rfc6962_proto();
}

const struct proto *proto_tile(enum ctlog_protocol protocol)
{
    return protocol == CTLOG_HYBRID ? statict_unindexed() : NULL;
}

void proto_url(const struct ctlog *log, char url[PROTO_URL_MAX], const char *fmt, ...)
{
    int len = snprintf(url, PROTO_URL_MAX, "%s/", log->url);
    must(len > 0 && len < PROTO_URL_MAX);
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(url + len, (size_t)(PROTO_URL_MAX - len), fmt, args);
    va_end(args);
    must(more >= 0 && more < PROTO_URL_MAX - len);
}

bool proto_entries(struct batch *batch, size_t count)
{
    batch->entries = arena_zeroed(&batch->arena, count, sizeof(struct entry));
    batch->entry_count = 0;
    return batch->entries != NULL;
}

enum err_code proto_stuck(struct batch *batch, struct span rest, const char *reason, struct err *why)
{
    struct entry *entry = &batch->entries[0];
    struct finding_set findings = entry->findings;
    *entry =
        (struct entry){.index = batch->begin, .kind = ENTRY_OPAQUE, .leaf_index = -1, .findings = findings};
    finding_add(&entry->findings, FINDING_ENTRY_STUCK);
    entry->leaf = SPAN_LIT("");
    entry->extra = rest.at == NULL ? SPAN_LIT("") : rest;
    entry->sighting = (struct sighting){.log_id = batch->log == NULL ? 0 : batch->log->id,
                                        .index = batch->begin,
                                        .timestamp_ms = batch->received_wall_ms};
    batch->entry_count = 1;
    return err_set(why, ERR_FORMAT, "entry %" PRIu64 " can not be read: %s", batch->begin, reason);
}

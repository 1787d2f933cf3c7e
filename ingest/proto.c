#include "ingest/proto.h"

#include <stdarg.h>
#include <stdio.h>

#include "ingest/rfc6962.h"
#include "ingest/statict.h"

const struct proto *proto_of(enum ctlog_protocol protocol)
{
    switch (protocol) {
    case CTLOG_RFC6962:
        return rfc6962_proto();
    case CTLOG_STATIC_CT:
        return statict_proto();
    case CTLOG_HYBRID:
        break;
    }
    return NULL;
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

#include "model/ctlog.h"

static const char *const names[] = {"rfc6962", "static-ct", "hybrid", "archive"};

const char *ctlog_protocol_name(enum ctlog_protocol protocol)
{
    must((unsigned)protocol < countof(names));
    return names[protocol];
}

bool ctlog_protocol_parse(const char *name, enum ctlog_protocol *protocol)
{
    for (size_t i = 0; i < countof(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *protocol = (enum ctlog_protocol)i;
            return true;
        }
    }
    return false;
}

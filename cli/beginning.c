#include "cli/beginning.h"

#include "base/say.h"
#include "ingest/probe.h"
#include "ingest/proto.h"

enum err_code beginning_find(const struct ctlog *log, const struct ask *asked, int64_t added_ms,
                             int64_t now_ms, const char *user_agent, uint64_t *begin, struct err *why)
{
    struct head head = {0};
    enum err_code code = asked->code == ERR_OK ? ERR_OK : err_set(why, asked->code, "%s", asked->why.text);

    if (code == ERR_OK)
        code = proto_of(log->protocol)->head_read(log, asked->body, &head, why);
    *begin = head.size;
    if (code != ERR_OK || head.size == 0 || now_ms - added_ms <= BEGINNING_SILENT_MS)
        return code;
    code = probe_find_time(log, user_agent, head.size, added_ms - BEGINNING_BEFORE_MS, begin, why);
    if (code == ERR_OK)
        say_info(log->name,
                 "it was silent when it was registered: reading begins at entry %" PRIu64 " of %" PRIu64
                 ", where it stood then",
                 *begin, head.size);
    return code;
}

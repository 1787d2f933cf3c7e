#include "cli/beginning.h"

#include "base/say.h"
#include "ingest/probe.h"
#include "ingest/proto.h"

enum err_code beginning_find(const struct courtesy *courtesy, const struct beginning *beginning,
                             const atomic_bool *stop, uint64_t *begin, struct err *why)
{
    const struct ctlog *log = beginning->log;
    const struct ask *asked = beginning->asked;
    struct head head = {0};
    enum err_code code = asked->code == ERR_OK ? ERR_OK : err_set(why, asked->code, "%s", asked->why.text);

    if (code == ERR_OK)
        code = proto_of(log->protocol)->head_read(log, asked->body, &head, why);
    *begin = head.size;
    if (code != ERR_OK || head.size == 0 || beginning->now_ms - beginning->added_ms <= BEGINNING_SILENT_MS)
        return code;
    code = probe_find_time(courtesy, log, head.size, beginning->added_ms - BEGINNING_BEFORE_MS, stop, begin,
                           why);
    if (code == ERR_OK)
        say_info(log->name,
                 "it was silent when it was registered: reading begins at entry %" PRIu64 " of %" PRIu64
                 ", where it stood then",
                 *begin, head.size);
    return code;
}

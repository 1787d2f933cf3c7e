#include "cli/manners.h"

#include "cli/cmd.h"
#include "cli/roles.h"
#include "db/store_pg.h"

enum err_code manners_ask(const struct conf *conf, const char *dsn, const struct ctlog *const *logs,
                          struct ask *asks, size_t count, int64_t wait_ms, const atomic_bool *stop,
                          struct err *why)
{
    char user_agent[300];
    struct sources sources;
    struct courtesy courtesy = {.user_agent = roles_user_agent(conf, user_agent, sizeof user_agent),
                                .sources = &sources,
                                .requests_per_s = (double)conf->ingest.requests_per_s};
    enum err_code code = sources_read(conf->ingest.source_addresses, &sources, why);

    if (code == ERR_OK)
        code = store_pg_open(dsn == NULL ? cmd_db_dsn() : dsn, &courtesy.store, why);
    if (code != ERR_OK)
        return code;
    code = courtesy_ask_all(&courtesy, logs, asks, count, wait_ms, stop, why);
    courtesy.store->ops->free(courtesy.store);
    return code;
}

#include "cli/manners.h"

#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/roles.h"
#include "db/store_pg.h"
#include "ingest/proto.h"

enum err_code manners_open(struct manners *manners, const struct conf *conf, const char *dsn, struct err *why)
{
    manners->courtesy = (struct courtesy){
        .user_agent = roles_user_agent(conf, manners->user_agent, sizeof manners->user_agent),
        .sources = &manners->sources,
        .requests_per_s = (double)conf->ingest.requests_per_s};
    enum err_code code = sources_read(conf->ingest.source_addresses, &manners->sources, why);

    return code != ERR_OK ? code
                          : store_pg_open(dsn == NULL ? cmd_db_dsn() : dsn, &manners->courtesy.store, why);
}

void manners_close(struct manners *manners)
{
    manners->courtesy.store->ops->free(manners->courtesy.store);
    manners->courtesy.store = NULL;
}

enum err_code manners_head(const struct courtesy *courtesy, const struct ctlog *log, int64_t wait_ms,
                           const atomic_bool *stop, struct head *head, struct err *why)
{
    const struct proto *proto = proto_of(log->protocol);
    char url[PROTO_URL_MAX];
    struct ask ask = {.url = url, .ceiling = LIMIT_SMALL_BYTES};

    proto->head_url(log, url);
    enum err_code code = courtesy_ask(courtesy, log, &ask, wait_ms, stop, why);
    if (code == ERR_OK && ask.code != ERR_OK)
        code = err_set(why, ask.code, "%s", ask.why.text);
    if (code == ERR_OK)
        code = proto->head_read(log, ask.body, head, why);
    ask_fini(&ask, 1);
    return code;
}

enum err_code manners_ask(const struct conf *conf, const char *dsn, const struct ctlog *const *logs,
                          struct ask *asks, size_t count, int64_t wait_ms, const atomic_bool *stop,
                          struct err *why)
{
    struct manners manners;
    enum err_code code = manners_open(&manners, conf, dsn, why);

    if (code != ERR_OK)
        return code;
    code = courtesy_ask_all(&manners.courtesy, logs, asks, count, wait_ms, stop, why);
    manners_close(&manners);
    return code;
}

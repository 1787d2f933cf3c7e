#include "cli/lookalikes.h"

#include <stdio.h>

#include "cli/watchname.h"
#include "db/db_lookalike.h"
#include "watcher/likeness.h"

enum err_code lookalikes_check(const struct watch *watch, const char *name, struct err *why)
{
    struct likeness_brand brand;
    if (watch->kind != WATCH_DNS)
        return err_set(why, ERR_USAGE, "%s: an address has no look-alikes", name);
    struct span apex = dns_apex(span_str(name));
    if (!span_eq(apex, span_str(name)))
        return err_set(why, ERR_USAGE, "%s: look-alikes are those of a registrable domain: add %.*s", name,
                       (int)apex.len, (const char *)apex.at);
    if (!likeness_brand_init(&brand, apex))
        return err_set(why, ERR_USAGE,
                       "%s: a name of fewer than %d letters looks like everything; no look-alikes of it are"
                       " looked for",
                       name, LIKENESS_LABEL_MIN);
    return ERR_OK;
}

static enum err_code lookalikes_open(const struct cmd *cmd, const char *typed, struct watch *watch,
                                     char name[DNS_TEXT_MAX], struct pgconn **conn, struct err *why)
{
    enum err_code code = watchname_read(typed, watch, name, why);
    return code == ERR_OK ? cmd_db_open(cmd, conn, why) : code;
}

int lookalikes_set(const struct cmd *cmd, int count, char **words)
{
    char name[DNS_TEXT_MAX];
    struct watch watch = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    enum watch_lookalike level = WATCH_LOOKALIKE_OFF;
    enum err_code code = ERR_OK;

    if (count != 2 || !watch_lookalike_read(span_str(words[1]), &level))
        code = err_set(&why, ERR_USAGE, "domain lookalike: a domain, then off, on or strict");
    if (code == ERR_OK)
        code = lookalikes_open(cmd, words[0], &watch, name, &conn, &why);
    if (code == ERR_OK && level != WATCH_LOOKALIKE_OFF)
        code = lookalikes_check(&watch, name, &why);
    if (code == ERR_OK)
        code = db_lookalike_set(conn, name, level, &why);
    if (code == ERR_OK && cmd->json)
        cmd_print_json(json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.domain.lookalike.1", "name", name,
                                 "lookalike", watch_lookalike_name(level)));
    else if (code == ERR_OK && level == WATCH_LOOKALIKE_OFF)
        printf("%s: certificates for look-alikes are no longer told of\n", name);
    else if (code == ERR_OK)
        printf("%s: certificates for look-alikes are told of from now on; what is stored is not searched\n",
               name);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static enum err_code lookalikes_allow_one(const struct cmd *cmd, struct pgconn *conn, const char *domain,
                                          const char *typed, bool remove, struct err *why)
{
    char name[DNS_TEXT_MAX];
    struct watch watch = {0};
    uint64_t acked = 0;
    enum err_code code = watchname_read(typed, &watch, name, why);

    if (code == ERR_OK && watch.kind != WATCH_DNS)
        code = err_set(why, ERR_USAGE, "%s: an address is no look-alike", name);
    if (code == ERR_OK && dns_is_public_suffix(span_str(name)))
        code = err_set(why, ERR_USAGE, "%s: everybody can register names below it", name);
    if (code == ERR_OK && remove)
        code = db_lookalike_forbid(conn, domain, name, why);
    else if (code == ERR_OK)
        code = db_lookalike_allow(conn, domain, name, &acked, why);
    if (code != ERR_OK)
        return code;
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:s, s:s, s:b, s:I}", "schema", "ctvigil.domain.allow_lookalike.1",
                                 "name", domain, "lookalike", name, "allowed", (int)!remove, "acked",
                                 (json_int_t)acked));
    else if (remove)
        printf("%s: %s is told of again\n", domain, name);
    else
        printf("%s: %s and everything below it is no look-alike; %" PRIu64 " open alert%s acknowledged\n",
               domain, name, acked, acked == 1 ? "" : "s");
    return ERR_OK;
}

int lookalikes_allow(const struct cmd *cmd, int count, char **words, bool remove)
{
    char name[DNS_TEXT_MAX];
    struct watch watch = {0};
    struct pgconn *conn = NULL;
    struct err why = {0};
    enum err_code code = ERR_OK;

    if (count < 2)
        code = err_set(&why, ERR_USAGE,
                       "domain allow-lookalike: a domain, then names that are no look-alikes of it");
    if (code == ERR_OK)
        code = lookalikes_open(cmd, words[0], &watch, name, &conn, &why);
    for (int i = 1; i < count && code == ERR_OK; i++)
        code = lookalikes_allow_one(cmd, conn, name, words[i], remove, &why);
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
